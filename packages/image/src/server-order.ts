// The points of a server in the order of the configuration, although each of its groups is a block of its own.

/** A group, or a copy of its bank. */
interface PlacedPoints {
  readonly points: readonly { readonly serverPosition: number }[];
}

/** Calls `visit` for each point of the groups of one server, in order. */
export function inServerOrder(groups: readonly PlacedPoints[], visit: (group: number, index: number) => void): void {
  const next = groups.map(() => 0);
  const positionOf = (group: number): number =>
    groups[group]?.points[next[group] as number]?.serverPosition ?? Infinity;
  const all = groups.reduce((sum, { points }) => sum + points.length, 0);
  for (let visited = 0; visited < all; visited++) {
    let first = 0;
    for (let group = 1; group < groups.length; group++) {
      if (positionOf(group) < positionOf(first)) first = group;
    }
    const index = next[first] as number;
    next[first] = index + 1;
    visit(first, index);
  }
}
