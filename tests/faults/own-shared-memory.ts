// A /dev/shm of its own, of the size that a case wants, for a part of a test that runs in a process of its own: that process sees a tmpfs in
// a mount namespace, and nothing it does there touches the machine's.

import { spawnSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";

/** Fails with what the process printed; skips where the machine permits no mounts. */
export async function inOwnSharedMemory(
  t: TestContext,
  sizeBytes: number,
  script: URL,
  scenario: string,
): Promise<void> {
  if (spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]).status !== 0) {
    t.skip("mounts of its own are not permitted here: it takes root, or CAP_SYS_ADMIN");
    return;
  }
  const mounted = `mount -t tmpfs -o size=${sizeBytes} tmpfs /dev/shm && exec "$@"`;
  const program = fileURLToPath(script);
  const args = ["--mount", "sh", "-c", mounted, "sh", process.execPath, program, scenario];
  // A test that is run by another one would only report to it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn("unshare", args, { env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (printed += String(text)));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new TypeError(`ended with ${code ?? signal}:\n${printed}`);
}
