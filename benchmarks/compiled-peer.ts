// A peer in C, compiled against the reader's header when it is needed.

import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const peers = fileURLToPath(new URL("peers", import.meta.url));
const readers = fileURLToPath(new URL("../readers", import.meta.url));

export type Command = readonly [program: string, ...parameters: string[]];

/** Of `peers/PROGRAM.c`; removed when this process ends. */
export function compiledPeer(program: string): Command {
  const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const target = join(folder, program);
  const flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-I", join(readers, "c")];
  execFileSync("gcc", [...flags, "-o", target, join(peers, `${program}.c`)]);
  return [target];
}

export function pythonPeer(program: string): Command {
  return ["python3", "-B", join(peers, `${program}.py`)];
}

export function nodePeer(program: string): Command {
  return [process.execPath, join(peers, `${program}.ts`)];
}

/** What peers of any language get: where the reader for Python is. */
export const peerEnvironment = { ...process.env, PYTHONPATH: join(readers, "python") };

/** Runs a peer to its end; it says one line of JSON. */
export async function answerOf<T>([program, ...parameters]: Command, ...more: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(program, [...parameters, ...more], {
    env: peerEnvironment,
    maxBuffer: 64 * 2 ** 20,
  });
  return JSON.parse(stdout) as T;
}
