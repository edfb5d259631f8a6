// Which entries a document keeps that is too small for all of them.
//
// Promises: a point that is far longer than the others loses only itself. Of the room each group has a share by the number of its points, so
// no server can choose how much of another's is shown; what one does not need the others get. Within a group descriptions go before points,
// and long points before short ones. Pure.

export interface GroupNeed {
  /** Bytes of each point's entry; 0 for one that is not shown anyway. */
  readonly whole: readonly number[];
  /** The same with an empty description. */
  readonly bare: readonly number[];
}

export type Kept = "whole" | "bare" | "missing";

/** An entry is overlong when it takes the room of so many others, and is longer than names and numbers ever are. */
const overlongFactor = 8;
const usualBytes = 1024;

export interface Shares {
  /** For each group and point, what is kept of it. */
  readonly kept: readonly (readonly Kept[])[];
  /** Something other than overlong points loses. */
  readonly isTight: boolean;
}

export function shareOut(needs: readonly GroupNeed[], spareBytes: number): Shares {
  const points = needs.reduce((sum, need) => sum + weightOf(need), 0);
  const longestBytes = Math.max(usualBytes, (overlongFactor * spareBytes) / Math.max(points, 1));
  const usual = needs.map(({ whole, bare }) => ({
    whole: whole.map((bytes) => (bytes > longestBytes ? 0 : bytes)),
    bare: bare.map((bytes, index) => ((whole[index] ?? 0) > longestBytes ? 0 : bytes)),
  }));
  const shares = sharesOf(usual, spareBytes);
  const kept = usual.map((need, group) => keptOf(need, shares[group] ?? 0));
  const isTight = usual.some(({ whole }, group) => total(whole) > (shares[group] ?? 0));
  let restBytes = isTight ? 0 : spareBytes - usual.reduce((sum, { whole }) => sum + total(whole), 0);
  for (const { group, index, bytes } of overlong(needs, longestBytes)) {
    const fits = bytes <= restBytes;
    if (fits) restBytes -= bytes;
    (kept[group] as Kept[])[index] = fits ? "whole" : "missing";
  }
  return { kept, isTight };
}

function weightOf({ whole }: GroupNeed): number {
  return whole.reduce((count, bytes) => count + (bytes > 0 ? 1 : 0), 0);
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** The shortest first. */
function overlong(needs: readonly GroupNeed[], longestBytes: number) {
  const all = needs.flatMap(({ whole }, group) => whole.map((bytes, index) => ({ group, index, bytes })));
  return all.filter(({ bytes }) => bytes > longestBytes).toSorted((a, b) => a.bytes - b.bytes);
}

/** Who needs less than its share leaves the rest to the others, until nobody does. */
function sharesOf(needs: readonly GroupNeed[], spareBytes: number): readonly number[] {
  const shares = needs.map(() => 0);
  let open = needs.map((need, group) => ({ group, weight: weightOf(need), bytes: total(need.whole) }));
  let restBytes = spareBytes;
  for (;;) {
    const weights = open.reduce((sum, { weight }) => sum + weight, 0);
    const perPoint = weights === 0 ? 0 : restBytes / weights;
    const content = open.filter(({ weight, bytes }) => bytes <= perPoint * weight);
    for (const { group, bytes } of content) {
      shares[group] = bytes;
      restBytes -= bytes;
    }
    open = open.filter(({ weight, bytes }) => bytes > perPoint * weight);
    if (content.length > 0) continue;
    for (const { group, weight } of open) shares[group] = Math.floor(perPoint * weight);
    return shares;
  }
}

function keptOf({ whole, bare }: GroupNeed, shareBytes: number): Kept[] {
  if (total(whole) <= shareBytes) return whole.map(() => "whole");
  const kept = bare.map((): Kept => "missing");
  let restBytes = shareBytes;
  const shortestFirst = [...bare.keys()].toSorted((a, b) => (bare[a] ?? 0) - (bare[b] ?? 0));
  for (const index of shortestFirst) {
    restBytes -= bare[index] ?? 0;
    if (restBytes < 0) break;
    kept[index] = "bare";
  }
  return kept;
}
