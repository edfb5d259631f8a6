// A reader in another process, in Rust or Go: builds the agent (readers/rust/examples/agent.rs, readers/go/agent_test.go) and talks to it.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const compiledLanguages = ["Rust", "Go"] as const;
export type CompiledLanguage = (typeof compiledLanguages)[number];

/** Longer than any command takes, the longest sleep included. */
const watchdogMs = 120_000;

const readers = fileURLToPath(new URL("../../../readers", import.meta.url));

const tools: Readonly<Record<CompiledLanguage, readonly [program: string, howToInstall: string]>> = {
  Rust: ["cargo", "sudo apt-get install cargo (1.74 or newer), or https://rustup.rs"],
  Go: ["go", "sudo apt-get install golang-go (1.21 or newer), or https://go.dev/doc/install"],
};

class MissingToolError extends Error {
  override readonly name = "MissingToolError";
  readonly code = "MissingTool";

  constructor(language: CompiledLanguage) {
    const [program, howToInstall] = tools[language];
    super(`cannot build the reader in ${language} because ${program} is not installed; install it: ${howToInstall}`);
  }
}

function build(language: CompiledLanguage, ...parameters: readonly string[]): void {
  const [program] = tools[language];
  try {
    execFileSync(program, parameters, { cwd: join(readers, language.toLowerCase()), stdio: ["ignore", 2, 2] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new MissingToolError(language);
    throw error;
  }
}

let targets: string | undefined;
const built = new Map<string, string>();

/** Built once; what Go builds is removed when this process ends, what Rust builds stays in the ignored folder "target". */
function programOf(language: CompiledLanguage, name: "agent" | "show"): string {
  const known = built.get(`${language} ${name}`);
  if (known !== undefined) return known;
  let program = join(readers, "rust/target/release/examples", name);
  if (language === "Rust") {
    build(language, "build", "--quiet", "--release", "--locked", "--target-dir", "target", "--example", name);
  } else {
    if (targets === undefined) {
      const made = mkdtempSync(join(tmpdir(), "cpc-go-"));
      process.once("exit", () => rmSync(made, { recursive: true, force: true }));
      targets = made;
    }
    program = join(targets, name);
    if (name === "agent") build(language, "test", "-c", "-mod=readonly", "-o", program, ".");
    else build(language, "build", "-mod=readonly", "-o", program, "./cmd/show");
  }
  built.set(`${language} ${name}`, program);
  return program;
}

/** What the example prints of one round. */
export function runShow(language: CompiledLanguage, image: string, journal: string): string {
  return execFileSync(programOf(language, "show"), [image, journal, "1"], { encoding: "utf8" });
}

export class CompiledAgent implements AsyncDisposable {
  readonly #language: CompiledLanguage;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  /** `image` is a name or an absolute path. */
  constructor(language: CompiledLanguage, image: string) {
    this.#language = language;
    const child = spawn(programOf(language, "agent"), [image], { stdio: ["pipe", "pipe", "inherit"] });
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The answer to a command, or in one word why there is none. A reader that hangs is ended, and the promise rejected. */
  async ask(...command: readonly (string | number | bigint)[]): Promise<string> {
    const watchdog = setTimeout(() => this.#process.kill("SIGKILL"), watchdogMs);
    this.#process.stdin?.write(`${command.join("\t")}\n`);
    const lines: string[] = [];
    try {
      for (;;) {
        const { value, done } = await this.#lines.next();
        if (done === true)
          throw new TypeError(
            `the reader in ${this.#language} ended, or hung and was ended, at "${command.join(" ")}"`,
          );
        if (value === ".") return lines.join("\n");
        lines.push(value);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  async json(...command: readonly (string | number | bigint)[]): Promise<unknown> {
    const answer = await this.ask(...command);
    return /^[[{]/.test(answer) ? (JSON.parse(answer) as unknown) : answer;
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
