// `cpc bridge` as its users run it, with a folder that outlives it when it is killed.

import { globSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, type LaunchOptions } from "../../partition/commands/cpc.ts";

/** What it is run by, and in which circumstances. */
export interface BridgeLaunch extends Pick<LaunchOptions, "main" | "env"> {
  /** Something that becomes the bridge, given its folder. */
  readonly wrapper?: (folder: string) => readonly string[];
}

export class BridgeProcess {
  readonly folder = mkdtempSync(join(tmpdir(), "cpc-bridge-"));
  readonly #args: readonly string[];
  readonly #launch: LaunchOptions;
  readonly #children: Child[] = [];

  /** Not started yet. */
  constructor(
    t: { after(end: () => Promise<void>): void },
    prefix: string,
    output: Readonly<Record<string, unknown>>,
    { wrapper, ...launch }: BridgeLaunch = {},
  ) {
    writeFileSync(join(this.folder, "bridge.yaml"), JSON.stringify({ outputs: [output] }));
    const { folder } = this;
    this.#args = ["bridge", join(folder, "bridge.yaml"), "--prefix", prefix, "--state", join(folder, "state")];
    this.#launch = { ...launch, wrapper: wrapper?.(folder) ?? [] };
    t.after(async () => {
      await this.end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
  }

  start(): void {
    this.#children.push(new Child(this.#args, this.#launch, this.folder));
  }

  get #child(): Child | undefined {
    return this.#children.at(-1);
  }

  get printed(): string {
    return this.#child?.printed ?? "";
  }

  /** How often it said that it is connected. */
  get connections(): number {
    return this.#children.reduce((sum, { printed }) => sum + printed.split("connected to ").length - 1, 0);
  }

  get pid(): number {
    return this.#child?.processId ?? 0;
  }

  /** Of its first output. */
  get queueBytes(): number {
    const files = globSync("state/*/queue/*.queue", { cwd: this.folder });
    return files.reduce((sum, file) => sum + statSync(join(this.folder, file)).size, 0);
  }

  get isOver(): boolean {
    return this.#child?.isRunning !== true;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#child?.end(signal);
  }
}
