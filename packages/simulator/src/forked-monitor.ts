// Starts the monitor beside the demo, a process of its own, by the command that everybody uses. Without its package the demo goes on alone.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What the demo asks for; where that is taken, any free port. */
const addresses = ["127.0.0.1:9850", "127.0.0.1:0"];

export class ForkedMonitor {
  readonly #prefix: string;
  #child: ChildProcess | undefined;
  #isStopping = false;
  /** Where its page is, once it listens. */
  address: string | undefined;
  /** Resolves with the address, or with undefined when there is no monitor. */
  readonly listening: Promise<string | undefined>;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.listening = this.#start();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.listening;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  }

  async #start(): Promise<string | undefined> {
    for (const listen of addresses) {
      if (this.#isStopping) return undefined;
      // The channel is there to end the child when this process is killed.
      const child = fork(
        process.argv[1] ?? "",
        ["monitor", "--listen", listen, "--prefix", this.#prefix, "--log-level", "error"],
        { execArgv: [], stdio: ["ignore", "pipe", "ignore", "ipc"] },
      );
      this.#child = child;
      this.address = await firstAddress(child);
      if (this.address !== undefined) return this.address;
    }
    return undefined;
  }
}

/** Undefined when the child ends without one. */
async function firstAddress(child: ChildProcess): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  child.on("error", () => {}); // it could not be started: its output ends
  for await (const line of createInterface({ input: child.stdout })) {
    const [, address] = /^monitor: (\S+)$/.exec(line) ?? [];
    if (address !== undefined) return address;
  }
  return undefined;
}
