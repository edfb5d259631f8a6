// A program that nobody here wrote, as a child process: it speaks lines of JSON on its standard output, and ends when its
// standard input does. What it writes to standard error is kept for the message of a failure.

import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const WATCHDOG_MS = 60_000;

export const CHECKOUT = fileURLToPath(ROOT);
export const PYTHON = fileURLToPath(new URL(".peers/venv/bin/python", ROOT));
const LIBMODBUS_SERVER = fileURLToPath(new URL(".peers/libmodbus-server", ROOT));

export type Message = Readonly<Record<string, unknown>>;

export class Peer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #name: string;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<number | null>;
  #errors = "";

  private constructor(name: string, program: string, argumentList: readonly string[]) {
    if (!existsSync(program))
      throw new Error(`cannot start ${name} because ${program} is missing: run scripts/install-peers`);
    this.#name = name;
    this.#child = spawn(program, argumentList, { stdio: "pipe" });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#child.stdin.on("error", () => undefined); // a peer that is gone shows in the next message that does not come
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** Runs `tests/interop/peers/{script}`. */
  static python(script: string, ...argumentList: readonly string[]): Peer {
    const path = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
    return new Peer(script, PYTHON, [path, ...argumentList]);
  }

  static libmodbus(): Peer {
    return new Peer("libmodbus-server", LIBMODBUS_SERVER, []);
  }

  get processId(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** The next message. */
  async message(): Promise<Message> {
    const watchdog = setTimeout(() => this.#child.kill("SIGKILL"), WATCHDOG_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(watchdog);
    if (done === true) throw new Error(`${this.#name} ended instead of answering: ${this.#errors.slice(-2000)}`);
    return JSON.parse(value) as Message;
  }

  async ask(command: string): Promise<Message> {
    this.#child.stdin.write(`${command}\n`);
    const answer = await this.message();
    if ("error" in answer) throw new Error(`${this.#name} answered ${command} with: ${String(answer["error"])}`);
    return answer;
  }

  /** Sends a command that is not answered, and waits for the end of the process. */
  async last(command: string): Promise<void> {
    this.#child.stdin.write(`${command}\n`);
    await this.#ended;
  }

  /** Ends its input and returns the messages that still come. */
  async close(): Promise<readonly Message[]> {
    const watchdog = setTimeout(() => this.#child.kill("SIGKILL"), WATCHDOG_MS);
    this.#child.stdin.end();
    const rest: Message[] = [];
    for (let next = await this.#lines.next(); next.done !== true; next = await this.#lines.next()) {
      rest.push(JSON.parse(next.value) as Message);
    }
    await this.#ended;
    clearTimeout(watchdog);
    return rest;
  }
}
