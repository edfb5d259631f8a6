// The alias names a server in keys, log and status: two servers of one configuration cannot share one, whichever files they are in.

import type { Location } from "./configuration.ts";
import type { Fields } from "./fields.ts";
import { warnOfLookAlikes } from "./look-alikes.ts";
import { lineIn, quote } from "./problem.ts";

export function checkAliases(servers: readonly Fields[], element: "alias" | "serveralias"): void {
  warnOfLookAlikes(servers, element);
  const places = new Map<string, Location>();
  for (const server of servers) {
    const alias = server.text(element);
    if (alias === undefined) continue;
    const place = server.placeOf(element);
    const first = places.get(alias);
    if (first === undefined) places.set(alias, place);
    else {
      const where = lineIn(first, place.file);
      const message = `<${element}> ${quote(alias)} is the name of the server in ${where} already; every server needs its own`;
      server.findings.error(place.line, message);
    }
  }
}
