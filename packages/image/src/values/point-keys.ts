// Decides the key of every point, for every protocol, from the configuration and the names that servers reported before. Nothing else
// counts: not who answers, not when. docs/configuration.md ("Names and keys", "Keys of OPC UA nodes") has the rule for people.
//
// A key is given in four steps, each in the order of the configuration: to the points whose key the configuration settles, to those
// that had it before, to those that ask for it, and then to those that came too late: their key is `plain key (place)`. The place is
// what the configuration says of the point itself, so it is the same whatever other points there are.

import type { PointDescription } from "../point.ts";

export interface KeyClaim {
  /** The plain key. */
  readonly wanted: string;
  /** Where the value is, in the words of its protocol; absent: the points that came too late are numbered. */
  readonly place?: string | undefined;
  /** The configuration itself gives it this key. */
  readonly isSettled?: boolean;
  /** The key it had before. */
  readonly given?: string | undefined;
}

/** For each claim, in order, its key; all of them differ from each other and from the reserved ones. */
export function decideKeys(
  claims: readonly KeyClaim[],
  reserved: Iterable<string>,
  /** Which of several points that ask for the same key gets it. */
  winner: "first" | "last" = "first",
): readonly string[] {
  const taken = new Set(reserved);
  const keys: (string | undefined)[] = claims.map(() => undefined);
  const order = [...claims.keys()];
  if (winner === "last") order.reverse();
  const give = (keyOf: (claim: KeyClaim) => string | undefined): void => {
    for (const index of order) {
      if (keys[index] !== undefined) continue;
      const key = keyOf(claims[index] as KeyClaim);
      if (key === undefined || taken.has(key)) continue;
      taken.add(key);
      keys[index] = key;
    }
  };
  give(({ isSettled, wanted }) => (isSettled === true ? wanted : undefined));
  give(({ given }) => given);
  give(({ wanted }) => wanted);

  const nextNumbers = new Map<string, number>();
  return claims.map(({ wanted, place }, index) => {
    const given = keys[index];
    if (given !== undefined) return given;
    const distinct = place === undefined ? wanted : `${wanted} (${place})`;
    let key = distinct;
    let number = nextNumbers.get(distinct) ?? 2;
    for (; taken.has(key); number++) key = `${distinct} (${number})`;
    nextNumbers.set(distinct, number);
    taken.add(key);
    return key;
  });
}

/** What a server called a point when it was asked first, and the key that came of it. */
export interface RememberedName {
  readonly name: string;
  readonly key: string;
}

/** By the identity of the point (`PointName`). */
export type RememberedNames = ReadonlyMap<string, RememberedName>;

export interface KeyOwner {
  readonly alias: string;
  readonly connection: { readonly key: string };
  readonly points: readonly PointDescription[];
}

export interface PointKey {
  readonly point: PointDescription;
  readonly wanted: string;
  readonly key: string;
  /** Made of an expected name: the server may yet tell another. */
  readonly isExpected: boolean;
  /** The name that stands in the configuration or was remembered, where the server tells another now. */
  readonly otherName: string | undefined;
}

export interface KeyDecision {
  /** For each server, for each of its points. */
  readonly keys: readonly (readonly PointKey[])[];
  /** What was remembered of these points, and what servers have reported since. */
  readonly remembered: RememberedNames;
}

/** The keys of all points of a service, servers and points in the order of the configuration. */
export function decideServiceKeys(servers: readonly KeyOwner[], remembered: RememberedNames): KeyDecision {
  const points = servers.flatMap((server) => server.points);
  const identities = identitiesOf(points);
  const claims = points.map(({ key, place, name }, index): KeyClaim => {
    if (name === undefined || name.isSettled) return { wanted: key, place, isSettled: true };
    const before = remembered.get(identities[index] ?? "");
    return { wanted: before?.name ?? key, place, given: before?.key };
  });
  const keys = decideKeys(
    claims,
    servers.map(({ connection }) => connection.key),
  );
  const nowRemembered = new Map<string, RememberedName>();
  const decided = points.map((point, index): PointKey => {
    const { wanted, given, isSettled } = claims[index] as KeyClaim;
    const key = keys[index] as string;
    const identity = identities[index];
    const reported = point.name?.reported;
    const isKnown = isSettled === true || given !== undefined || reported !== undefined;
    if (identity !== undefined && isSettled !== true && isKnown) nowRemembered.set(identity, { name: wanted, key });
    return { point, wanted, key, isExpected: !isKnown, otherName: reported === wanted ? undefined : reported };
  });
  let first = 0;
  return {
    keys: servers.map(({ points: own }) => decided.slice(first, (first += own.length))),
    remembered: nowRemembered,
  };
}

/** A node that stands twice in the file is two points; each is remembered for itself. */
function identitiesOf(points: readonly PointDescription[]): readonly (string | undefined)[] {
  const seen = new Map<string, number>();
  return points.map(({ name }) => {
    if (name === undefined) return undefined;
    const times = (seen.get(name.identity) ?? 0) + 1;
    seen.set(name.identity, times);
    return times === 1 ? name.identity : `${name.identity} ${times}`;
  });
}
