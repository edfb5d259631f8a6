// What code was in a process, as the engine saw it: read from what `script-recorder.ts` wrote.

import { readFileSync } from "node:fs";
import type { CompiledScript } from "./script-recorder.ts";

const recorder = new URL("./script-recorder.ts", import.meta.url).href;
/** The environment of a process whose scripts are recorded in the file. */
export function recording(file: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--conditions=cpc-source --import=${recorder}`, CPC_SCRIPTS: file };
}

/** Packages from which something was compiled, and the classes of requests that were. */
export function compiled(file: string): {
  readonly packages: ReadonlySet<string>;
  readonly requests: readonly string[];
} {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const scripts = lines.map((line) => JSON.parse(line) as CompiledScript);
  const packages = scripts.flatMap(({ url }) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
  return {
    packages: new Set(packages),
    requests: [...new Set(scripts.flatMap(({ requests }) => requests))].toSorted(),
  };
}

/** Certificate stores that watch folders, what listens on UDP, calls methods, or is a server. */
export const unwanted =
  /^(?:node-opcua-(?:pki|certificate-manager|alarm-condition|service-history|service-node-management|server|address-space.*)|chokidar|sterfive-bonjour-service|multicast-dns|dns-packet|express)$/;
