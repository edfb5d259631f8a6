// `cpc` as its users run it: a child process, OS names and a folder of its own, all gone when the test ends.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ownPrefix, type Lifetime } from "../../image/posix/own-objects.ts";
import { until } from "../../until.ts";
import { parseDocument } from "../../documents/parse-document.ts";
import { endCommandIn, runInResident } from "./resident.ts";

const sourceMain = fileURLToPath(new URL("../../../packages/partition/src/main.ts", import.meta.url));
const watchdogMs = 150_000;
const nothing = new Int32Array(new SharedArrayBuffer(4));

export type Document = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a child is run by, as `["prlimit", "--nofile=64"]`: something that becomes the child. And its environment besides ours. */
export interface LaunchOptions {
  readonly wrapper?: readonly string[];
  /** Default: the sources. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where standard error goes instead of into `stderr`. */
  readonly stderr?: number;
}

/** One child. */
export class Child {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(
    args: readonly string[],
    { wrapper = [], main = sourceMain, env = {}, stderr }: LaunchOptions,
    cwd: string,
  ) {
    const [command = "", ...rest] = [...wrapper, process.execPath, main, ...args];
    const child = spawn(command, rest, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", stderr ?? "pipe"],
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#child = child;
    this.ended = once(child, "close").then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get processId(): number {
    return this.#child.pid ?? Number.NaN;
  }

  get printed(): string {
    return `${this.stdout}${this.stderr}`;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    if (this.isRunning) this.signal(signal);
    return await this.ended;
  }

  /** Waits for a condition while the child runs; in vain is a failure with the child's log. */
  async until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    giveUpAfterMs: number = watchdogMs,
  ): Promise<void> {
    await until(what, condition, {
      giveUpAfterMs,
      isHopeless: () => !this.isRunning,
      evidence: () => `running: ${this.isRunning}\n${this.stderr}`,
    });
  }

  /** Records of the log with this message. */
  logged(message: RegExp): readonly Readonly<Record<string, unknown>>[] {
    return this.stderr
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => message.test(String(msg)));
  }
}

/** A folder and OS names of its own to run `cpc` in. */
export class Sandbox {
  readonly prefix: string;
  readonly folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  readonly #children: Child[] = [];

  constructor(t: Lifetime) {
    this.prefix = ownPrefix(t);
    t.after(async () => {
      endCommandIn(this.folder);
      await Promise.all(this.#children.map((child) => child.end("SIGKILL")));
      rmSync(this.folder, { recursive: true, force: true });
      for (const name of this.objects()) rmSync(`/dev/shm/${name}`, { force: true });
    });
  }

  /** As it stands; the prefix is not added. */
  cpc(args: readonly string[], env: LaunchOptions["env"] = {}, launch: Omit<LaunchOptions, "env"> = {}): Child {
    const child = new Child(args, { env, ...launch }, this.folder);
    this.#children.push(child);
    return child;
  }

  /** `cpc run` with this place's prefix and a short interval. */
  run(...args: readonly string[]): Child {
    return this.runIn({}, ...args);
  }

  runIn({ env, ...launch }: LaunchOptions, ...args: readonly string[]): Child {
    const own = ["run", "--prefix", this.prefix, "--interval", "0.05", "--log-format", "json"];
    return this.cpc([...own, ...args], env, launch);
  }

  /** Another command, to its end, in a process that such commands share. */
  async ran(...args: readonly string[]): Promise<Ended> {
    return await runInResident(args, this.folder);
  }

  /** The same with this place's prefix. */
  async command(...args: readonly string[]): Promise<Ended> {
    return await this.ran(...args, "--prefix", this.prefix);
  }

  /** In one step, as careful people replace a file that is in use. */
  write(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
    return path;
  }

  /** The document in a segment; undefined while there is none. It is read without its guard: what is half a publication is read again. */
  document(segment = "modbus_shm"): Document | undefined {
    const path = this.path(segment);
    for (let looks = 0; looks < 100 && existsSync(path); looks++) {
      try {
        const text = readFileSync(path, "utf8").replace(/\0+$/, "");
        return text === "" ? undefined : (parseDocument(text) as Document);
      } catch {
        Atomics.wait(nothing, 0, 0, 10);
      }
    }
    return undefined;
  }

  value(key: string, segment?: string): unknown {
    return this.document(segment)?.[key]?.["value"];
  }

  inode(object: string): number {
    return statSync(this.path(object)).ino;
  }

  path(object: string): string {
    return `/dev/shm/${this.prefix}${object}`;
  }

  semaphorePath(name: string): string {
    return `/dev/shm/sem.${this.prefix}${name}`;
  }

  /** In /dev/shm, without the prefix, sorted. */
  ownObjects(): readonly string[] {
    return this.objects()
      .map((name) => name.replace(this.prefix, ""))
      .toSorted();
  }

  objects(): readonly string[] {
    return readdirSync("/dev/shm").filter((name) => name.includes(this.prefix));
  }
}
