// A program that others wrote, with a temporary folder of its own, that can be killed and started again at the same port.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../until.ts";

export interface Ending {
  after(end: () => void | Promise<void>): void;
}

export class Engine {
  readonly folder: string;
  readonly #port: number;
  readonly #command: () => readonly [string, ...string[]];
  #child: ChildProcess | undefined;
  #printed = "";

  /** `command` is asked for at each start. */
  constructor(t: Ending, port: number, command: (folder: string) => readonly [string, ...string[]]) {
    this.folder = mkdtempSync(join(tmpdir(), "cpc-engine-"));
    this.#port = port;
    this.#command = () => command(this.folder);
    t.after(async () => {
      await this.kill();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const [program, ...args] = this.#command();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => (this.#printed = `${this.#printed}${text.toString()}`.slice(-5000)));
    let failed = false;
    child.once("error", (error) => {
      failed = true;
      this.#printed += error.message;
    });
    await until(`${program} listens at ${this.#port}`, async () => await isListening(this.#port), {
      isHopeless: () => failed || child.exitCode !== null,
      evidence: () => this.#printed,
    });
  }

  /** As power off: what it did not write is lost. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Writes its configuration again; `signal` tells it. */
  rewrite(): void {
    this.#command();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    if (signal !== "SIGKILL") child.kill("SIGCONT");
    await ended;
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
