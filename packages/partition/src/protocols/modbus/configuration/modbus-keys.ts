// Counts the quantities of the Modbus file out and gives every value a key of its own.

import { modbusConnection } from "./connection-entry.ts";
import { decideKeys } from "@cpc-partition/image/values/point-keys";
import type { ModbusPoint, ModbusServer } from "./modbus-server.ts";
import {
  contestedKeysOf,
  warnOfContestedKeys,
  type ContestedKey,
  type NamedValue,
} from "../../../configuration/contested-keys.ts";
import { isTooMany } from "../../../configuration/most-points.ts";
import { placeOf, type ModbusEndpoint } from "./modbus-endpoint.ts";
import { quote, type Findings } from "../../../configuration/problem.ts";

export type ServerWithoutPoints = Omit<ModbusServer, "points"> & { readonly endpoints: readonly ModbusEndpoint[] };

interface NamedValues {
  readonly servers: readonly ModbusServer[];
  readonly contestedKeys: readonly ContestedKey[];
}

/** First the endpoints, then the further values of a quantity. */
export function nameValues(servers: readonly ServerWithoutPoints[], findings: Findings): NamedValues {
  const endpoints = servers.flatMap((server) => server.endpoints.map((endpoint) => ({ server, ...endpoint })));
  const count = endpoints.reduce((sum, endpoint) => sum + endpoint.count, 0);
  if (isTooMany(count, "values", findings)) return { servers: [], contestedKeys: [] };
  const connections = servers.map(({ alias }) => modbusConnection(alias).key);
  const firsts = nameAll(
    endpoints.map(({ server: { alias }, first }) => ({ alias, wanted: first.key, point: first })),
    connections,
  );
  const others = nameAll(
    endpoints.flatMap(({ server: { alias }, first, count: own }, index) =>
      Array.from({ length: own - 1 }, (_, at) => ({
        alias,
        wanted: `${firsts[index]?.point.key}[${at + 1}]`,
        point: { ...first, address: first.address + (at + 1) * first.width },
      })),
    ),
    [...connections, ...firsts.map(({ point }) => point.key)],
  );
  const values = [...firsts, ...others];
  const contestedKeys = contestedKeysOf(values);
  warnOfContestedKeys(contestedKeys, findings);

  let next = 0;
  const points = new Map<ModbusEndpoint["first"], readonly ModbusPoint[]>();
  for (const [index, { first, count: own }] of endpoints.entries()) {
    const more = others.slice(next, (next += own - 1));
    points.set(
      first,
      [firsts[index], ...more].flatMap((value) => value?.point ?? []),
    );
  }
  hintAtKeys(
    [...points.values()].filter(({ length }) => length > 1),
    findings,
  );
  return {
    servers: servers.map(({ endpoints: own, ...server }) => ({
      ...server,
      points: own.flatMap(({ first }) => points.get(first) ?? []),
    })),
    contestedKeys,
  };
}

type ModbusValue = NamedValue & { readonly point: ModbusPoint };

/** As in the Python partition the last of several endpoints with the same name has the plain key. */
function nameAll(
  values: readonly { readonly alias: string; readonly wanted: string; readonly point: ModbusPoint }[],
  reserved: readonly string[],
): readonly ModbusValue[] {
  const places = values.map(({ point }) => placeOf(point));
  const claims = values.map(({ wanted }, index) => ({ wanted, place: places[index] }));
  const keys = decideKeys(claims, reserved, "last");
  return values.map(({ alias, wanted, point }, index) => {
    const key = keys[index] as string;
    const place = places[index] as string;
    // Nearly all first values have the key that they ask for: a copy of each would be a third of what stays.
    const own = key === point.key ? point : { ...point, key };
    return { server: alias, wanted, key, place, location: point.location, point: own };
  });
}

/** So many endpoints with several keys are listed; a plan of the memory would be longer than anybody reads. */
const mostKeyHints = 20;

/** Consumers want to know the keys that stand nowhere in the file. */
function hintAtKeys(endpoints: readonly (readonly ModbusPoint[])[], findings: Findings): void {
  for (const values of endpoints.slice(0, mostKeyHints)) {
    const [first, second] = values;
    if (first === undefined || second === undefined) continue;
    const last = values.length === 2 ? "" : ` to ${quote(values.at(-1)?.key ?? "")}`;
    findings
      .in(first.location.file)
      .hint(
        first.location.line,
        `quantity ${first.width * values.length} makes ${values.length} keys: ${quote(first.key)} and ${quote(second.key)}${last}`,
      );
  }
  const next = endpoints[mostKeyHints]?.[0];
  if (next === undefined) return;
  findings
    .in(next.location.file)
    .hint(next.location.line, `${endpoints.length - mostKeyHints} more endpoints from here on make several keys each`);
}
