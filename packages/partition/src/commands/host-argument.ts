// A host name or address on the command line.

import { InvalidArgumentError } from "commander";
import { readHost } from "../certificates/host-name.ts";

export function hostArgument(text: string): string {
  const reading = readHost(text);
  if ("host" in reading) return reading.host;
  throw new InvalidArgumentError(`It must be a host name or an address; ${JSON.stringify(text)} ${reading.because}.`);
}
