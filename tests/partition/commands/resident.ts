// Commands of `cpc` that end by themselves, one after another in a single process: to start one costs ten times what most of them do. What belongs
// to the process, as signals, its environment or how it ends, needs one of its own.

import { fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Ended } from "./cpc.ts";

export const divider = "---- next ----\n";

export interface CommandLine {
  readonly args: readonly string[];
  readonly folder: string;
}

/** The process, from the first command of this process to its end. It holds up that end only while a command runs. */
class Resident {
  readonly #child = fork(fileURLToPath(new URL("resident-process.ts", import.meta.url)), {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A process that several files of tests share has `--test` there.
    execArgv: [],
  });
  readonly #stdout = new Output(this.#child.stdout as Socket);
  readonly #stderr = new Output(this.#child.stderr as Socket);
  readonly #died: Promise<never>;

  #folder = "";

  constructor() {
    this.#died = once(this.#child, "exit").then(([code, signal]) => {
      if (resident === this) resident = undefined;
      const printed = `${this.#stdout.text}${this.#stderr.text}`;
      throw new Error(`the process of the commands ended (${code ?? signal}), and had printed: ${printed}`);
    });
    this.#died.catch(() => {});
  }

  async run(line: CommandLine): Promise<Ended> {
    this.#folder = line.folder;
    this.#child.ref();
    this.#child.channel?.ref();
    try {
      const outputs = Promise.all([this.#stdout.untilDivider(), this.#stderr.untilDivider()]);
      const code = once(this.#child, "message").then(([message]) => message as number);
      this.#child.send(line);
      const [ended, [stdout, stderr]] = await Promise.race([Promise.all([code, outputs]), this.#died]);
      return { code: ended, stdout, stderr };
    } finally {
      this.#folder = "";
      this.#child.unref();
      this.#child.channel?.unref();
    }
  }

  endIfIn(folder: string): void {
    if (this.#folder === folder) this.#child.kill("SIGKILL");
  }
}

class Output {
  text = "";
  #seen: () => void = () => {};

  constructor(pipe: Socket) {
    pipe.unref();
    pipe.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
      if (this.text.includes(divider)) this.#seen();
    });
  }

  /** What comes behind the divider, as a warning of Node, belongs to the next command. */
  async untilDivider(): Promise<string> {
    await new Promise<void>((resolve) => (this.#seen = resolve));
    const at = this.text.indexOf(divider);
    const output = this.text.slice(0, at);
    this.text = this.text.slice(at + divider.length);
    return output;
  }
}

let resident: Resident | undefined;
let last: Promise<unknown> = Promise.resolve();

/** A test that was given up leaves no command behind that would keep its file from ending. */
export function endCommandIn(folder: string): void {
  resident?.endIfIn(folder);
}

/** Runs it in `folder`, after those that were asked for before. */
export function runInResident(args: readonly string[], folder: string): Promise<Ended> {
  const running = last.then(() => (resident ??= new Resident()).run({ args, folder }));
  last = running.catch(() => {});
  return running;
}
