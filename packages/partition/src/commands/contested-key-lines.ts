// What `check` says about keys: every one that several points ask for, with who gets it, and how many are still to be confirmed.

import { contestedKeysOf, type ContestedKey } from "../configuration/contested-keys.ts";
import type { OpcUaConfiguration } from "../configuration/configuration.ts";
import { configuredPoint } from "../configuration/opc-ua-point.ts";
import { quote } from "../configuration/problem.ts";
import { opcUaConnection } from "../configuration/connection-entry.ts";
import { decideServiceKeys, type RememberedNames } from "@cpc-partition/image/values/point-keys";

export function contestedLines(contested: readonly ContestedKey[]): readonly string[] {
  if (contested.length === 0) return [];
  const lines = contested.map(
    ({ wanted, key, place, line }) =>
      `  ${quote(wanted)} line ${line}, ${place}: ${key === wanted ? "has it" : `is ${JSON.stringify(key)}`}`,
  );
  return ["keys that several points ask for:", ...lines];
}

export interface OpcUaKeys {
  readonly contested: readonly ContestedKey[];
  /** Nodes whose browse name no server has told yet. */
  readonly expected: number;
}

/** The keys that the next start would give. */
export function opcUaKeys({ servers }: OpcUaConfiguration, remembered: RememberedNames): OpcUaKeys {
  const owners = servers.map((server) => ({
    alias: server.alias,
    connection: opcUaConnection(server.alias),
    points: server.nodes.map((node) => configuredPoint(server, node)),
  }));
  const { keys } = decideServiceKeys(owners, remembered);
  const values = keys.flatMap((own, serverIndex) =>
    own.map(({ wanted, key, point }, nodeIndex) => {
      const { alias: server, nodes } = servers[serverIndex] as OpcUaConfiguration["servers"][number];
      return { server, line: nodes[nodeIndex]?.location.line ?? 1, place: point.place ?? "", wanted, key };
    }),
  );
  return { contested: contestedKeysOf(values), expected: keys.flat().filter(({ isExpected }) => isExpected).length };
}
