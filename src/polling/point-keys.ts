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

/** For each server, for each of its points: what it wanted and what it got. */
export type AssignedKeys = ReadonlyMap<KeyOwner, readonly { readonly wanted: string; readonly given: string }[]>;

export interface KeyClash {
  readonly server: string;
  readonly wanted: string;
  readonly given: string;
}

/** `previous` is the result of the last call. Clashes that were known before are not told again. */
export function assignKeys(
  servers: readonly KeyOwner[],
  previous: AssignedKeys = new Map(),
): { readonly keys: AssignedKeys; readonly clashes: readonly KeyClash[] } {
  const taken = new Set(servers.map((server) => server.connection.key));
  for (const { given } of servers.flatMap((server) => stillWanted(server, previous))) taken.add(given);
  const clashes: KeyClash[] = [];
  const keys = new Map(
    servers.map((server) => {
      const before = previous.get(server);
      const assigned = server.points.map(({ key: wanted }, index) => {
        const old = before?.[index];
        if (old?.wanted === wanted) return old;
        const given = firstFree(wanted, server.alias, taken);
        taken.add(given);
        if (given !== wanted) clashes.push({ server: server.alias, wanted, given });
        return { wanted, given };
      });
      return [server, assigned];
    }),
  );
  return { keys, clashes };
}

function stillWanted(server: KeyOwner, previous: AssignedKeys) {
  return (previous.get(server) ?? []).filter(({ wanted }, index) => server.points[index]?.key === wanted);
}

function firstFree(wanted: string, alias: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  const withServer = `${wanted} (${alias})`;
  if (!taken.has(withServer)) return withServer;
  let number = 2;
  while (taken.has(`${withServer} (${number})`)) number++;
  return `${withServer} (${number})`;
}
