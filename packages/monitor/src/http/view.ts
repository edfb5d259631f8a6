// What a browser has on its screen, as it says in the address of its stream: the server sends that and nothing else.

import { qualities, type Quality } from "../observation/point-row.ts";
import { sortOrders, type PointQuery, type SortOrder } from "../observation/point-catalog.ts";

export type QueryFields = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface View {
  readonly list: "points" | "servers" | "none";
  readonly query: PointQuery;
  readonly first: number;
  readonly count: number;
  /** Points in the plot, by id. */
  readonly chosen: readonly string[];
}

const longestSearch = 200;
const mostRows = 200;
const mostChosen = 8;
const longestId = 1000;

/** Whatever is not understood is as if it were not there. */
export function parseView(fields: QueryFields): View {
  const one = (name: string): string => {
    const value = fields[name];
    return typeof value === "string" ? value.slice(0, longestSearch) : "";
  };
  const many = (name: string): readonly string[] => {
    const value = fields[name];
    return typeof value === "string" ? [value] : (value ?? []);
  };
  const list = one("list");
  const quality = one("quality");
  const sort = one("sort");
  return {
    list: list === "points" || list === "servers" ? list : "none",
    query: {
      search: one("search"),
      server: one("server"),
      quality: quality === "notGood" || qualities.includes(quality as Quality) ? (quality as Quality | "notGood") : "",
      sort: sortOrders.includes(sort as SortOrder) ? (sort as SortOrder) : "configuration",
    },
    first: wholeNumber(one("first"), 10_000_000),
    count: wholeNumber(one("count"), mostRows),
    chosen: [...new Set(many("chosen"))].filter((id) => id.length <= longestId).slice(0, mostChosen),
  };
}

function wholeNumber(text: string, most: number): number {
  return /^\d{1,9}$/.test(text) ? Math.min(Number(text), most) : 0;
}
