// A second process for tests: it runs one of the scripts beside the tests and talks in messages.

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import type { TestContext } from "node:test";

export class OtherProcess {
  readonly #child: ChildProcess;
  readonly #messages: AsyncIterator<unknown[]>;
  readonly #ended = new AbortController();
  readonly #exit: Promise<unknown[]>;

  /** Killed at the end of the test, if it still runs. */
  constructor(context: TestContext, script: URL, parameters: readonly string[]) {
    this.#child = fork(script, parameters, { stdio: ["ignore", "inherit", "ignore", "ipc"] });
    this.#messages = on(this.#child, "message", { signal: this.#ended.signal });
    this.#exit = once(this.#child, "exit");
    void this.#exit.then(() => this.#ended.abort());
    context.after(() => this.kill());
  }

  /** Its next message; rejects when the process ended instead. */
  async next(): Promise<unknown> {
    const { value } = await this.#messages.next();
    return (value as unknown[])[0];
  }

  send(message: string): void {
    this.#child.send(message);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
  }

  /** Exit code and signal. */
  async ended(): Promise<readonly unknown[]> {
    return this.#exit;
  }
}
