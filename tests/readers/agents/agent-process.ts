// A reader in another process, in one of the three languages.

import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const languages = ["Node", "Python", "C"] as const;
export type Language = (typeof languages)[number];

/** Longer than any command takes, the longest sleep included. */
const watchdogMs = 120_000;

const folder = fileURLToPath(new URL(".", import.meta.url));
const readers = fileURLToPath(new URL("../../../readers", import.meta.url));

let targets: string | undefined;
const built = new Set<string>();

/** Compiled once, and removed when this process ends. */
function compiled(program: string, source: string): string {
  if (targets === undefined) {
    const made = mkdtempSync(join(tmpdir(), "cpc-readers-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    targets = made;
  }
  const target = join(targets, program);
  if (!built.has(program)) {
    const flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
    execFileSync("gcc", [...flags, "-I", join(readers, "c"), "-o", target, source]);
    built.add(program);
  }
  return target;
}

/** What the example prints of one round. */
export async function runExample(language: Language, imageName: string): Promise<string> {
  const { stdout } = await promisify(execFile)(...exampleCommand(language, imageName));
  return stdout;
}

function exampleCommand(language: Language, imageName: string): [string, string[]] {
  const parameters = [imageName, "1"];
  if (language === "Node")
    return [process.execPath, ["--conditions=cpc-source", join(readers, "node/example.mjs"), ...parameters]];
  if (language === "Python") return ["python3", ["-B", join(readers, "python/example.py"), ...parameters]];
  return [compiled("example", join(readers, "c/example.c")), parameters];
}

function commandLine(language: Language, imageName: string): readonly [string, ...string[]] {
  if (language === "Node") return [process.execPath, join(folder, "agent.ts"), imageName];
  if (language === "Python") return ["python3", "-B", join(folder, "agent.py"), imageName];
  return [compiled("agent", join(folder, "agent.c")), imageName];
}

export class AgentProcess implements AsyncDisposable {
  readonly language: Language;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(language: Language, imageName: string) {
    this.language = language;
    const [program, ...parameters] = commandLine(language, imageName);
    const child = spawn(program, parameters, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, PYTHONPATH: join(readers, "python") },
    });
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** A reader that hangs is ended, and the promise rejected. */
  async ask(command: string): Promise<readonly string[]> {
    const watchdog = setTimeout(() => this.#process.kill("SIGKILL"), watchdogMs);
    this.#process.stdin?.write(`${command}\n`);
    const lines: string[] = [];
    try {
      for (;;) {
        const { value, done } = await this.#lines.next();
        if (done === true)
          throw new TypeError(`the reader in ${this.language} ended, or hung and was ended, at "${command}"`);
        if (value === ".") return lines;
        lines.push(value);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** Of a command that is answered with one line of JSON; what is none stays as it is. */
  async askJson(command: string): Promise<unknown> {
    const answer = (await this.ask(command)).join();
    return answer.startsWith("{") ? JSON.parse(answer) : answer;
  }

  /** How the reader has the image mapped: proc_pid_maps(5). */
  permissions(imageName: string): readonly string[] {
    const maps = readFileSync(`/proc/${this.#process.pid}/maps`, "utf8").split("\n");
    return maps.filter((line) => line.includes(`/dev/shm/${imageName}`)).map((line) => line.split(" ")[1] ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
  }
}
