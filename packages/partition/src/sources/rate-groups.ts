// Which points of a server come together: those that are read at the same interval, and those that are subscribed to at the same interval.

import type { Group } from "./source.ts";

/** `intervalMs` undefined: the one of the server, or of the service. */
interface Rated {
  readonly intervalMs?: number | undefined;
}

interface RatedPoint extends Rated {
  /** The server sends what changes. */
  readonly isSubscribed?: boolean;
}

/** The fastest group comes first. Points keep their order. The only group of a server has no name, others are named by their interval. */
export function groupsByInterval(
  points: readonly RatedPoint[],
  serverIntervalMs: number | undefined,
): readonly Group[] {
  const intervalOf = (place: number): number | undefined => points[place]?.intervalMs ?? serverIntervalMs;
  const isSubscribed = (place: number): boolean => points[place]?.isSubscribed === true;
  const together = Map.groupBy(points.keys(), (place) => `${intervalOf(place)} ${isSubscribed(place)}`);
  if (together.size === 0) return [{ name: "", intervalMs: serverIntervalMs, points: [] }];
  return Array.from(together.values(), (places): Group => {
    const [first = 0] = places;
    const intervalMs = intervalOf(first);
    const names = [
      ...(intervalMs === undefined ? [] : [`${intervalMs / 1000} s`]),
      ...(isSubscribed(first) ? ["subscribed"] : []),
    ];
    const name = together.size === 1 ? "" : names.join(", ");
    return { name, intervalMs, points: places, ...(isSubscribed(first) ? { isSubscribed: true } : {}) };
  }).toSorted((a, b) => (a.intervalMs ?? 0) - (b.intervalMs ?? 0));
}

/** A server with the interval of the service where it has none of its own: how long a session must live between two polls depends on it. */
export function withInterval<Server extends Rated>(server: Server, serviceIntervalMs: number): Server {
  return { ...server, intervalMs: server.intervalMs ?? serviceIntervalMs };
}
