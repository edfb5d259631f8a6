// What `check` says of the work that a whole service will have.

import { availableParallelism } from "node:os";
import { percent, rounded } from "../configuration/plan-words.ts";
import { threadsFor, type ServerDemand } from "../sources/divide-servers.ts";
import type { PlanTable } from "./configuration-format.ts";

export function loadTable(demands: readonly ServerDemand[]): PlanTable {
  const sum = (of: "requestsPerSecond" | "valuesPerSecond" | "load"): number =>
    demands.reduce((all, demand) => all + demand[of], 0);
  const threads = threadsFor(demands, availableParallelism());
  return {
    head: ["requests/s", "values/s", "expected load, of a core", "threads"],
    rows: [[rounded(sum("requestsPerSecond")), rounded(sum("valuesPerSecond")), percent(sum("load")), threads]],
  };
}
