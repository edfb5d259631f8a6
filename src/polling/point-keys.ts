// Gives every point of a service its key in the document. Keys are wanted by the clients (`{alias}: {name}`, `{ns}:{BrowseName}`)
// and may clash between servers; two points must never overwrite each other, and a key must not wander from one point to another
// when servers come and go in another order. So a key once given stays with its point while the point wants the same one, and
// names expected from the configuration take part from the start, in configuration order.

import type { PointDescription } from "../point/point.ts";

export interface KeyOwner {
  readonly alias: string;
  readonly connection: { readonly key: string };
  readonly points: readonly PointDescription[];
}

/** For each server, for each point: what it wanted and what it got. */
export type AssignedKeys = readonly (readonly { readonly wanted: string; readonly given: string }[])[];

export interface KeyClash {
  readonly server: string;
  readonly wanted: string;
  readonly given: string;
}

/** `previous` is the result of the last call for the same servers. Clashes that were known before are not told again. */
export function assignKeys(
  servers: readonly KeyOwner[],
  previous?: AssignedKeys,
): { keys: AssignedKeys; clashes: readonly KeyClash[] } {
  const taken = new Set(servers.map((server) => server.connection.key));
  const keys: { wanted: string; given: string }[][] = servers.map(() => []);
  for (const [serverIndex, server] of servers.entries()) {
    for (const [index, point] of server.points.entries()) {
      const before = previous?.[serverIndex]?.[index];
      if (before?.wanted !== point.key) continue;
      row(keys, serverIndex)[index] = before;
      taken.add(before.given);
    }
  }
  const clashes: KeyClash[] = [];
  for (const [serverIndex, server] of servers.entries()) {
    for (const [index, point] of server.points.entries()) {
      if (row(keys, serverIndex)[index] !== undefined) continue;
      const given = firstFree(point.key, server.alias, taken);
      taken.add(given);
      row(keys, serverIndex)[index] = { wanted: point.key, given };
      if (given !== point.key) clashes.push({ server: server.alias, wanted: point.key, given });
    }
  }
  return { keys, clashes };
}

function firstFree(wanted: string, alias: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  const withServer = `${wanted} (${alias})`;
  if (!taken.has(withServer)) return withServer;
  let number = 2;
  while (taken.has(`${withServer} (${number})`)) number++;
  return `${withServer} (${number})`;
}

function row<T>(rows: T[][], index: number): T[] {
  return (rows[index] ??= []);
}
