// A wall clock that the test sets, for the partition alone: libfaketime between it and the system. Monotonic time stays as it is, as when
// the time of a machine is set. The machine's clock is never touched.

import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export class SteppedClock {
  readonly env: Readonly<Record<string, string>>;
  readonly #file: string;

  /** Undefined, and the case is skipped, where the library is not installed. */
  static of(t: TestContext): SteppedClock | undefined {
    const library = readdirSync("/usr/lib")
      .map((folder) => join("/usr/lib", folder, "faketime/libfaketimeMT.so.1"))
      .find((path) => existsSync(path));
    if (library !== undefined) return new SteppedClock(t, library);
    t.skip("libfaketime is not installed: scripts/install-peers does that");
    return undefined;
  }

  private constructor(t: TestContext, library: string) {
    const folder = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
    t.after(() => rmSync(folder, { recursive: true }));
    // The processes end after this hook, which was there before them.
    process.once("exit", removeLeftovers);
    this.#file = join(folder, "time");
    this.set("+0");
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
      TZ: "UTC",
    };
  }

  /** As faketime(1) takes it: "+10y" from the real time, "@1970-01-01 00:10:00" for a time that goes on from there. */
  set(time: string): void {
    writeFileSync(`${this.#file}.new`, time);
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** What the library shares between a process and its children stays when the process is killed; its name ends with the process's number. */
function removeLeftovers(): void {
  for (const name of readdirSync("/dev/shm")) {
    const [, owner] = /^(?:sem\.)?faketime_(?:shm|sem)_(\d+)$/.exec(name) ?? [];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) rmSync(join("/dev/shm", name), { force: true });
  }
}
