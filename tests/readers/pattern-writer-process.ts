// Starts pattern-writer.ts and ends it in the only way that it ends.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("pattern-writer.ts", import.meta.url));

export class PatternWriterProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#ended = once(child, "exit");
  }

  /** Resolves when it is ready to begin. */
  static async load(
    imageName: string,
    points: number,
    mode: "silent" | "waking",
    journalName?: string,
  ): Promise<PatternWriterProcess> {
    const names = journalName === undefined ? [] : [journalName];
    const child = fork(entry, [imageName, String(points), mode, ...names], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const writer = new PatternWriterProcess(child);
    await writer.#says();
    return writer;
  }

  /** Resolves when the first poll is published; the take-over begins at once. */
  async write(): Promise<void> {
    const ready = this.#says();
    this.#process.send("go");
    await ready;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
  }

  async #says(): Promise<void> {
    const gone = this.#ended.then(() => {
      throw new TypeError("the writer ended before it said that it was ready");
    });
    gone.catch(() => {}); // its end is expected later on
    await Promise.race([once(this.#process, "message"), gone]);
  }
}
