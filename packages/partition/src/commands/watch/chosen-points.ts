// The points that the filter leaves, in the order asked for.

import { isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import type { SortOrder } from "../point-rows.ts";
import type { Look, WatchedPoint } from "./watched-plant.ts";

/** With many points an order that needs their values is worked out again only after ten times as long as it took. */
const restFactor = 10;

export class ChosenPoints {
  #points: readonly WatchedPoint[] | undefined;
  #filter = "";
  #sort: SortOrder = "configuration";
  #chosen: readonly WatchedPoint[] = [];
  #staleMs = 0;

  /** The same array as before where nothing asks for another one. */
  of(look: Look, filter: string, sort: SortOrder): readonly WatchedPoint[] {
    const isSame = look.points === this.#points && filter === this.#filter && sort === this.#sort;
    const startMs = performance.now();
    if (isSame && startMs < this.#staleMs) return this.#chosen;
    this.#points = look.points;
    this.#filter = filter;
    this.#sort = sort;
    this.#chosen = sorted(filtered(look, filter), look, sort);
    const endMs = performance.now();
    this.#staleMs = endMs + restFactor * (endMs - startMs);
    return this.#chosen;
  }
}

function statusOf(look: Look, point: WatchedPoint): number {
  return look.bankOf(point)?.status(point.index) ?? 0;
}

/** Those that have the text in key, server, source, description or status; upper and lower case are alike. */
function filtered(look: Look, text: string): readonly WatchedPoint[] {
  const wanted = text.toLocaleLowerCase();
  if (wanted === "") return look.points;
  const hasStatus = new Map<number, boolean>();
  const isWantedStatus = (status: number): boolean => {
    let isWanted = hasStatus.get(status);
    if (isWanted === undefined) {
      isWanted = statusName(status).toLocaleLowerCase().includes(wanted);
      hasStatus.set(status, isWanted);
    }
    return isWanted;
  };
  return look.points.filter((point) => point.words.includes(wanted) || isWantedStatus(statusOf(look, point)));
}

function sorted(points: readonly WatchedPoint[], look: Look, sort: SortOrder): readonly WatchedPoint[] {
  switch (sort) {
    case "server":
      return points.toSorted((a, b) => compare(a.server, b.server));
    case "point":
      return points.toSorted((a, b) => compare(a.described.key, b.described.key));
    case "age": // the oldest first, and before them what never came
      return byNumber(points, (point) => Number(look.bankOf(point)?.receivedNs(point.index) ?? 0n));
    case "status": // what is not good first
      return byNumber(points, (point) => {
        const status = statusOf(look, point);
        return isGood(status) ? 0 : -1 - status;
      });
    default:
      return points;
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function byNumber(points: readonly WatchedPoint[], numberOf: (point: WatchedPoint) => number): readonly WatchedPoint[] {
  const numbers = Float64Array.from(points, numberOf);
  const order = Uint32Array.from(points.keys()).sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0) || a - b);
  return Array.from(order, (index) => points[index] as WatchedPoint);
}
