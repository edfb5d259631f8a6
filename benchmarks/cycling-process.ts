// A process that does one cycle for each line it is given and says what the cycle cost: ours or a peer, it is all the same here.

import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What one cycle cost in the process that did it. */
export interface CycleCost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
  /** Of the document that was published. */
  readonly bytes: number;
}

const PYTHON = fileURLToPath(new URL("../.peers/venv/bin/python", import.meta.url));
const LIBMODBUS_SERVER = fileURLToPath(new URL("../.peers/libmodbus-server", import.meta.url));

/** A child process that speaks lines of JSON and ends when its standard input does. */
export class LineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(program: string, argumentList: readonly string[]) {
    if (!existsSync(program))
      throw new Error(`cannot start ${program} because it is missing: run scripts/install-peers`);
    this.#child = spawn(program, argumentList, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** `script` is relative to this folder. */
  static node(script: string, ...argumentList: readonly (string | number)[]): LineProcess {
    const path = fileURLToPath(new URL(script, import.meta.url));
    return new LineProcess(process.execPath, [path, ...argumentList.map(String)]);
  }

  static python(script: string, ...argumentList: readonly (string | number)[]): LineProcess {
    const path = fileURLToPath(new URL(script, import.meta.url));
    return new LineProcess(PYTHON, [path, ...argumentList.map(String)]);
  }

  static libmodbusServer(): LineProcess {
    return new LineProcess(LIBMODBUS_SERVER, []);
  }

  async line(): Promise<Readonly<Record<string, unknown>>> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#child.spawnargs.join(" ")} ended instead of answering`);
    return JSON.parse(value) as Record<string, unknown>;
  }

  async cycle(): Promise<CycleCost> {
    this.#child.stdin.write("cycle\n");
    return (await this.line()) as unknown as CycleCost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended =
      this.#child.exitCode === null && this.#child.signalCode === null ? once(this.#child, "exit") : undefined;
    this.#child.stdin.end();
    await ended;
  }
}

export interface Contest {
  readonly ours: readonly CycleCost[];
  readonly reference: readonly CycleCost[];
}

/** Rounds of some cycles of ours and one of the reference, in turns, so that both meet the same moods of the machine. */
export async function alternate(
  ours: LineProcess,
  reference: LineProcess,
  rounds: number,
  oursPerRound: number,
): Promise<Contest> {
  await ours.line();
  await reference.line();
  for (let warmUp = 0; warmUp < 3 * oursPerRound; warmUp++) await ours.cycle();
  await reference.cycle();
  const costs = { ours: [] as CycleCost[], reference: [] as CycleCost[] };
  for (let round = 0; round < rounds; round++) {
    for (let cycle = 0; cycle < oursPerRound; cycle++) costs.ours.push(await ours.cycle());
    costs.reference.push(await reference.cycle());
  }
  return costs;
}
