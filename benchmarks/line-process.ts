// A server or a client of a benchmark in a process of its own, which speaks lines of JSON and ends when its standard input does.

import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Command } from "./compiled-peer.ts";

const PEERS = fileURLToPath(new URL("../.peers/", import.meta.url));

type Parameters = readonly (string | number)[];

export class LineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, argumentList: Parameters, environment: NodeJS.ProcessEnv = process.env) {
    if (!existsSync(program)) {
      const script = program.startsWith(`${PEERS}benchmarks/`) ? "install-benchmark-peers" : "install-peers";
      throw new Error(`cannot start ${program} because it is missing: run scripts/${script}`);
    }
    this.#child = spawn(program, argumentList.map(String), { stdio: ["pipe", "pipe", "inherit"], env: environment });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** `script` is relative to this folder. */
  static node(script: string, ...argumentList: Parameters): LineProcess {
    return new LineProcess(process.execPath, [besides(script), ...argumentList]);
  }

  static python(script: string, ...argumentList: Parameters): LineProcess {
    return new LineProcess(`${PEERS}venv/bin/python`, ["-B", besides(script), ...argumentList]);
  }

  /** A program that scripts/install-benchmark-peers builds. */
  static compiled(program: string, ...argumentList: Parameters): LineProcess {
    return new LineProcess(`${PEERS}benchmarks/${program}`, argumentList);
  }

  /** Of `compiledPeer`. */
  static command([program, ...parameters]: Command, ...argumentList: Parameters): LineProcess {
    return new LineProcess(program, [...parameters, ...argumentList]);
  }

  static libmodbusServer(): LineProcess {
    return new LineProcess(`${PEERS}libmodbus-server`, []);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async line(): Promise<Readonly<Record<string, unknown>>> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#child.spawnargs.join(" ")} ended instead of answering`);
    return JSON.parse(value) as Record<string, unknown>;
  }

  /** The answer to a line of input. */
  async ask(question: string | number = ""): Promise<Readonly<Record<string, unknown>>> {
    this.#child.stdin.write(`${question}\n`);
    return await this.line();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended =
      this.#child.exitCode === null && this.#child.signalCode === null ? once(this.#child, "exit") : undefined;
    this.#child.stdin.end();
    await ended;
  }
}

function besides(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
