// What Modbus TCP knows of its configuration files.

import { builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import type { ModbusConfiguration, ModbusPoint, ModbusServer } from "./configuration/modbus-server.ts";
import { loadModbusConfiguration } from "./configuration/modbus-configuration.ts";
import { intervalWords, percent, rounded } from "../../configuration/plan-words.ts";
import { ConfigurationError } from "../../configuration/problem.ts";
import { groupsByInterval } from "../../sources/rate-groups.ts";
import {
  noCertificates,
  type CertificateFindings,
  type ConfigurationFormat,
  type Plan,
  type PlannedPoint,
  type ReadConfiguration,
  type ReadingOptions,
} from "../configuration-format.ts";
import { loadTable } from "../load-table.ts";
import { sourceOf } from "./reading/point-source.ts";
import { planReads } from "./reading/read-plan.ts";
import {
  assumedRoundTripMs,
  budgetErrors,
  budgetHints,
  connectionBudgets,
  demandOfLine,
} from "./reading/time-budget.ts";

export const modbusFormat: ConfigurationFormat = {
  read,
  certificateFindings: (configuration) => certificateFindings(configuration as ModbusConfiguration),
  plan: (configuration, serviceIntervalMs) => planOf(configuration as ModbusConfiguration, serviceIntervalMs),
  keys: ({ contestedKeys = [] }) => ({ contested: contestedKeys, expected: 0 }),
  points: (configuration) => points(configuration as ModbusConfiguration),
};

function read(files: readonly string[], options: ReadingOptions): ReadConfiguration {
  const loaded = loadModbusConfiguration(files, options);
  const errors = budgetErrors(loaded.configuration.servers, options.intervalMs);
  if (errors.length > 0) throw new ConfigurationError(errors);
  return loaded;
}

async function certificateFindings(configuration: ModbusConfiguration): Promise<CertificateFindings> {
  if (configuration.servers.every(({ tls }) => tls === undefined)) return noCertificates;
  const { modbusCertificateProblems } = await import("./certificate-problems.ts");
  return { ...noCertificates, problems: modbusCertificateProblems(configuration, Date.now()) };
}

function planOf({ servers }: ModbusConfiguration, serviceIntervalMs: number): Plan {
  const budgets = connectionBudgets(servers, serviceIntervalMs);
  const rows = budgets.flatMap(({ address, groups }) =>
    groups.map(({ server, points: own, requests, intervalMs }) => [
      server.alias,
      address,
      own,
      requests,
      intervalWords(intervalMs),
    ]),
  );
  const connections = budgets.map(({ address, groups, requestsPerSecond, busy }) => [
    `${address}${lineWords(groups[0]?.server)}`,
    rounded(requestsPerSecond),
    percent(busy),
  ]);
  return {
    tables: [
      { head: ["server", "address", "points", "requests/cycle", "interval"], rows },
      {
        head: ["connection", "requests/s", `busy, with ${assumedRoundTripMs} ms for an answer`],
        rows: connections,
      },
      loadTable(budgets.map(demandOfLine)),
    ],
    hints: budgetHints(servers, serviceIntervalMs),
  };
}

/** What is said of a connection that is not Modbus TCP with one request at a time. */
function lineWords({ maxInFlight = 1, framing = "tcp", tolerates = [] }: Partial<ModbusServer> = {}): string {
  const words = [];
  if (framing === "rtu") words.push("RTU");
  if (maxInFlight > 1) words.push(`${maxInFlight} requests at a time`);
  if (tolerates.length > 0) words.push(`any ${tolerates.join(", any ")}`);
  return words.map((word) => `, ${word}`).join("");
}

function* points({ servers }: ModbusConfiguration): Iterable<PlannedPoint> {
  for (const server of servers) {
    const requests = requestsOf(server);
    for (const [index, point] of server.points.entries()) {
      const { key, type, unit, intervalMs = server.intervalMs } = point;
      const request = requests[index] ?? "none";
      yield {
        server: server.alias,
        key,
        request,
        source: sourceOf(point),
        type: builtInTypeName(type),
        unit,
        intervalMs,
      };
    }
  }
}

/** For each point the request that reads it in each poll, as long as the device refuses none. */
function requestsOf(server: ModbusServer): readonly (string | undefined)[] {
  const requests: (string | undefined)[] = server.points.map(() => undefined);
  for (const { points: places } of groupsByInterval(server.points, server.intervalMs)) {
    const plan = planReads(
      places.map((place) => server.points[place] as ModbusPoint),
      server,
    );
    for (const { unitId, requests: own } of plan.tables)
      for (const { functionCode, address, quantity, points: held } of own) {
        const words = `FC0${functionCode} unit ${unitId}, ${address} to ${address + quantity - 1}`;
        for (const { index } of held) requests[places[index] ?? -1] = words;
      }
  }
  return requests;
}
