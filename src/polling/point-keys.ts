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

interface AssignedKey {
  readonly wanted: string;
  readonly given: string;
}

/** For each server, for each of its points: what it wanted and what it got. */
export type AssignedKeys = ReadonlyMap<KeyOwner, readonly AssignedKey[]>;

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
  const connections = new Set(servers.map((server) => server.connection.key));
  const kept = servers.map((server) => stillGood(server, previous.get(server) ?? [], connections));
  const taken = new Set(connections);
  for (const assigned of kept.flat()) if (assigned !== undefined) taken.add(assigned.given);
  const clashes: KeyClash[] = [];
  const keys = new Map(
    servers.map((server, serverIndex) => {
      const assigned = server.points.map(({ key: wanted }, index) => {
        const before = kept[serverIndex]?.[index];
        if (before !== undefined) return before;
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

/** What each point keeps: its key so far, while it wants the same one and no connection has it. */
function stillGood(server: KeyOwner, before: readonly AssignedKey[], connections: ReadonlySet<string>) {
  return server.points.map(({ key }, index) => {
    const old = before[index];
    return old?.wanted === key && !connections.has(old.given) ? old : undefined;
  });
}

function firstFree(wanted: string, alias: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  const withServer = `${wanted} (${alias})`;
  if (!taken.has(withServer)) return withServer;
  let number = 2;
  while (taken.has(`${withServer} (${number})`)) number++;
  return `${withServer} (${number})`;
}
