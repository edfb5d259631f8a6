// What OPC UA knows of its configuration files.

import { builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { isInsecure, type OpcUaConfiguration } from "./configuration/opc-ua-server.ts";
import { loadOpcUaConfiguration } from "./configuration/opc-ua-configuration.ts";
import { valueText } from "./configuration/opc-ua-point.ts";
import { intervalWords, rounded } from "../../configuration/plan-words.ts";
import { groupsByInterval, withInterval } from "../../sources/rate-groups.ts";
import {
  noCertificates,
  type CertificateFindings,
  type ConfigurationFormat,
  type PlannedPoint,
  type PlanTable,
} from "../configuration-format.ts";
import { expectedKeys } from "./expected-keys.ts";
import { describeNode } from "./opcua-protocol.ts";
import { loadTable } from "../load-table.ts";
import { demandOf, readsOf } from "./reading-demand.ts";

export const opcUaFormat: ConfigurationFormat = {
  read: loadOpcUaConfiguration,
  certificateFindings: (configuration, directory) =>
    certificateFindings(configuration as OpcUaConfiguration, directory),
  plan: (configuration, serviceIntervalMs) => ({
    tables: [
      planTable(configuration as OpcUaConfiguration, serviceIntervalMs),
      loadTable(
        (configuration as OpcUaConfiguration).servers.map((server) =>
          demandOf(withInterval(server, serviceIntervalMs)),
        ),
      ),
    ],
    hints: [],
  }),
  keys: ({ configuration }, remembered) => expectedKeys(configuration as OpcUaConfiguration, remembered),
  points: (configuration) => points(configuration as OpcUaConfiguration),
};

async function certificateFindings(configuration: OpcUaConfiguration, directory: string): Promise<CertificateFindings> {
  if (configuration.servers.length === 0) return noCertificates;
  const looking = await import("./certificate-problems.ts");
  return {
    problems: looking.certificateProblems(configuration, directory, Date.now()),
    directoryTrouble: looking.directoryTrouble(configuration, directory),
    usesDirectory: configuration.servers.some(looking.needsDirectory),
  };
}

function planTable({ servers }: OpcUaConfiguration, serviceIntervalMs: number): PlanTable {
  const rows = servers.flatMap((server) =>
    groupsByInterval(server.nodes, server.intervalMs).map(({ points: own, intervalMs }, index) => {
      const reads = readsOf(server, { points: own }, index);
      return [
        server.alias,
        server.endpointUrl,
        `${server.mode === "None" ? "None" : `${server.policy} ${server.mode}`}${isInsecure(server.policy) ? ", insecure" : ""}`,
        server.identity.kind,
        own.length,
        reads,
        rounded((1000 * reads) / (intervalMs ?? serviceIntervalMs)),
        intervalWords(intervalMs),
      ];
    }),
  );
  return {
    head: ["server", "endpoint", "security", "user", "nodes", "reads/cycle", "reads/s", "interval"],
    rows,
  };
}

function* points({ servers }: OpcUaConfiguration): Iterable<PlannedPoint> {
  for (const server of servers)
    for (const node of server.nodes) {
      const { key, type, unit } = describeNode(node);
      yield {
        server: server.alias,
        key: node.browseName === undefined ? `${node.displayName} (display name)` : key,
        request: "Read Value",
        source: valueText(node),
        type: type === 0 ? "the server's" : builtInTypeName(type),
        unit,
        intervalMs: node.intervalMs ?? server.intervalMs,
      };
    }
}
