// The alias names a server in keys, log and status: two servers of one file cannot share one.

import type { Fields } from "./fields.ts";
import { warnOfLookAlikes } from "./look-alikes.ts";
import { quote } from "./problem.ts";

export function checkAliases(servers: readonly Fields[], element: "alias" | "serveralias"): void {
  warnOfLookAlikes(servers, element);
  const lines = new Map<string, number>();
  for (const server of servers) {
    const alias = server.text(element);
    if (alias === undefined) continue;
    const line = server.lineOf(element);
    const first = lines.get(alias);
    if (first === undefined) lines.set(alias, line);
    else {
      const message = `<${element}> ${quote(alias)} is the name of the server in line ${first} already; every server needs its own`;
      server.findings.error(line, message);
    }
  }
}
