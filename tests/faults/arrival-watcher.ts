// The thread that watches files: between which two looks were they written to?

import { statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { machineMs, type Arrival } from "./punctuality.ts";

const lookAgainMs = 1;

const { paths, stop } = workerData as {
  readonly paths: readonly string[];
  readonly stop: Int32Array<SharedArrayBuffer>;
};

class Watched {
  readonly path: string;
  readonly arrivals: Arrival[] = [];
  /** Of the last writing; the kernel's clock for it is coarse, but finer than any interval. */
  #writtenNs = 0n;
  #absentMs = machineMs();

  constructor(path: string) {
    this.path = path;
  }

  look(): void {
    const lookedMs = machineMs();
    const writtenNs = statSync(this.path, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n;
    if (writtenNs !== this.#writtenNs) this.arrivals.push({ absentMs: this.#absentMs, seenMs: machineMs() });
    this.#writtenNs = writtenNs;
    this.#absentMs = lookedMs;
  }
}

// Two messages: that it looks now, and what it saw.
parentPort?.postMessage("looking");
const watched = paths.map((path) => new Watched(path));
while (Atomics.wait(stop, 0, 0, lookAgainMs) === "timed-out") for (const file of watched) file.look();
parentPort?.postMessage(watched.map(({ arrivals }) => arrivals));
