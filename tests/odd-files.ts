// What may have the name of a file and is none. Who opens or reads the pipe as if it were a file waits for good: after a while somebody comes to the
// other end, so that the test fails in place of hanging.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export const oddFiles = ["pipe", "socket", "directory", "device"] as const;
export type OddFile = (typeof oddFiles)[number];

const rescueSeconds = 20;

/** In place of whatever is there. */
export async function placeOdd(t: TestContext, kind: OddFile, path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true });
  switch (kind) {
    case "pipe": {
      execFileSync("mkfifo", [path]);
      const rescuer = spawn("sh", ["-c", `sleep ${rescueSeconds}; exec 3<> "$0"`, path], { stdio: "ignore" });
      t.after(() => rescuer.kill("SIGKILL"));
      return;
    }
    case "socket": {
      // Its own path has to be short.
      const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
      const server = createServer().listen(join(folder, "socket"));
      t.after(() => {
        server.close();
        rmSync(folder, { recursive: true, force: true });
      });
      await once(server, "listening");
      symlinkSync(join(folder, "socket"), path);
      return;
    }
    case "directory":
      mkdirSync(path);
      return;
    case "device":
      // Without an end.
      symlinkSync("/dev/zero", path);
  }
}
