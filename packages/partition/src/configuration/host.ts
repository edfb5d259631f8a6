// An element that holds a host: a name, or an address in the one form that cannot be misread.

import { readHost } from "../certificates/host-name.ts";
import type { Fields } from "./fields.ts";
import { quote } from "./problem.ts";

/** Undefined when there is none or, with an error, when it could mean another host than it seems. */
export function readHostField(fields: Fields, name: string): string | undefined {
  const written = fields.token(name);
  if (written === undefined) return undefined;
  const reading = readHost(written);
  if ("host" in reading) return reading.host;
  fields.findings.error(fields.lineOf(name), `<${name}> is ${quote(written)}, which ${reading.because}`);
  return undefined;
}
