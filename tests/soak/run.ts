// One soak from the first process to the last: servers, partition, watchers, consumers, and then everything again in the other order.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { certificateIn } from "../plant/opcua-server.ts";
import { armsOf } from "./arms.ts";
import type { ConsumerReport } from "./consumer-process.ts";
import { disturb, type Visit } from "./disturbances.ts";
import type { WatcherReport } from "./image-watcher-process.ts";
import { Observations, type Consumer } from "./observations.ts";
import type { HeapReport } from "./partition-process.ts";
import { intervalMs, modbusXml, opcuaXml, servers, type Protocol } from "./plan.ts";
import { stateOfProcess } from "./process-state.ts";
import { ServerProcesses } from "./server-processes.ts";

export interface RunOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** How many times as often as usual something is done. */
  readonly pace: number;
  readonly logFile: string | undefined;
}

export interface Outcome {
  readonly options: RunOptions;
  readonly startedAt: Date;
  /** Of which values were due. */
  readonly judgedMs: number;
  readonly seen: Observations;
  readonly disturbances: ReadonlyMap<string, number>;
  readonly tokensRenewed: number;
  readonly partitionCpuShare: number;
  readonly loadAverage: readonly number[];
  readonly exitCode: number | null;
  readonly exitMs: number;
  readonly leftInSharedMemory: readonly string[];
}

const protocols: readonly Protocol[] = ["modbus", "opcua"];
const consumers: readonly Consumer[] = ["steady", "disturbed"];
const tickMs = 250;
const settleMs = 1000;
const sampleMs = 10_000;
const progressMs = 60_000;
const warmUpMs = 10_000;
const startLimitMs = 60_000;
const exitLimitMs = 30_000;
const entries = {
  partition: new URL("./partition-process.ts", import.meta.url),
  watcher: new URL("./image-watcher-process.ts", import.meta.url),
  consumer: new URL("./consumer-process.ts", import.meta.url),
};

/** It could not begin. */
export class SoakError extends Error {
  override readonly name = "SoakError";
  readonly code = "NotBegun";
}

export class Run {
  readonly #options: RunOptions;
  readonly #prefix: string;
  readonly #folder: string;
  readonly #seen = new Observations();
  readonly #servers: ServerProcesses;
  readonly #children = new Set<ChildProcess>();
  readonly #visitors = new Set<ChildProcess>();
  /** Of each device's configuration. */
  readonly #versions = new Map<string, number>();
  #isEnding = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), `cpc-soak-${process.pid}-`));
    this.#prefix = `cpc-soak-${process.pid}-`;
    this.#servers = new ServerProcesses(options.seed, this.#folder, (report) => this.#seen.served(report));
  }

  /** Rejects with a SoakError when it cannot begin. Leaves nothing behind. */
  async toTheEnd(stop: AbortSignal): Promise<Outcome> {
    try {
      return await this.#run(stop);
    } finally {
      this.#isEnding = true;
      for (const child of this.#children) child.kill("SIGKILL");
      await this.#servers.endAll();
      rmSync(this.#folder, { recursive: true, force: true });
      for (const name of this.#inSharedMemory()) rmSync(`/dev/shm/${name}`, { force: true });
    }
  }

  async #run(stop: AbortSignal): Promise<Outcome> {
    const { durationMs, seed, pace } = this.#options;
    say(`seed ${seed}, ${(durationMs / 60_000).toFixed(1)} minutes, ${servers.length} servers`);
    await this.#prepareCertificates();
    await this.#servers.startAll();
    const partition = this.#startPartition();
    for (const protocol of protocols) this.#startWatcher(protocol);
    await this.#untilAllPublish(stop);
    for (const consumer of consumers) void this.#startConsumer("steady", consumer);
    await pause(warmUpMs, undefined, { signal: stop }).catch(() => undefined);

    const startedAt = new Date();
    const cpuBefore = stateOfProcess(partition.pid ?? 0).cpuSeconds;
    this.#seen.begin();
    const ending = AbortSignal.any([stop, AbortSignal.timeout(durationMs)]);
    const disturbances = disturb(seed, pace, this.#arms(partition, ending), ending);
    await this.#watch(partition, disturbances.counts, startedAt.getTime(), ending);

    const endedMs = Date.now();
    for (const visitor of this.#visitors) visitor.kill("SIGKILL");
    await disturbances.ended;
    const cpuSeconds = isRunning(partition) ? stateOfProcess(partition.pid ?? 0).cpuSeconds - cpuBefore : Number.NaN;
    this.#seen.judge.settle(endedMs - 2 * intervalMs, true);
    const exit = await this.#endPartition(partition);
    return {
      ...exit,
      options: this.#options,
      startedAt,
      judgedMs: endedMs - startedAt.getTime(),
      seen: this.#seen,
      disturbances: disturbances.counts,
      tokensRenewed: this.#servers.tokensRenewed,
      partitionCpuShare: (cpuSeconds * 1000) / (endedMs - startedAt.getTime()),
      loadAverage: loadavg(),
      leftInSharedMemory: this.#inSharedMemory(),
    };
  }

  async #prepareCertificates(): Promise<void> {
    const { certificateFile } = await certificateIn(this.#folder, "server");
    const trusted = join(this.#folder, "certificates", "trusted", "certs");
    mkdirSync(trusted, { recursive: true });
    copyFileSync(certificateFile, join(trusted, "server.der"));
  }

  #startPartition(): ChildProcess {
    this.#writeModbus();
    writeFileSync(join(this.#folder, "opcua.xml"), opcuaXml(this.#servers.ports));
    const settings = {
      modbus: join(this.#folder, "modbus.xml"),
      opcua: join(this.#folder, "opcua.xml"),
      certificates: join(this.#folder, "certificates"),
      interval: intervalMs / 1000,
      prefix: this.#prefix,
      consumers: consumers.join(),
      "log-format": "json",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const partition = this.#fork("partition", ["run", ...options, "--remove-on-exit"], "pipe");
    if (partition.stderr !== null) this.#seen.readLog(partition.stderr);
    const { logFile } = this.#options;
    if (logFile !== undefined) partition.stderr?.pipe(createWriteStream(logFile));
    partition.on("message", (message) => this.#seen.weighed(message as HeapReport));
    this.#mustStay(partition, "the partition");
    return partition;
  }

  #startWatcher(protocol: Protocol): void {
    const watcher = this.#fork("watcher", [`${this.#prefix}${protocol}_image`]);
    watcher.on("message", (message) => this.#seen.watched(protocol, message as WatcherReport));
    this.#mustStay(watcher, `the watcher of ${protocol}`);
  }

  /** Resolves when it has gone. */
  async #startConsumer(role: Visit | "steady", consumer: Consumer, protocol: Protocol = "modbus"): Promise<void> {
    const child = this.#fork("consumer", [role, this.#prefix, consumer, protocol]);
    child.on("message", (message) => this.#seen.consumed(consumer, message as ConsumerReport));
    if (role === "steady") this.#mustStay(child, `the ${consumer} consumer`);
    else this.#visitors.add(child);
    await once(child, "exit");
    this.#visitors.delete(child);
  }

  #fork(
    entry: keyof typeof entries,
    parameters: readonly string[],
    stderr: "inherit" | "pipe" = "inherit",
  ): ChildProcess {
    // Detached: Ctrl-C is for the soak alone, which then ends the others in order.
    const child = fork(entries[entry], parameters, { detached: true, stdio: ["ignore", "ignore", stderr, "ipc"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  #mustStay(child: ChildProcess, what: string): void {
    child.once("exit", (code, signal) => {
      if (!this.#isEnding) this.#seen.ended.push(`${what} has ended (${code ?? signal})`);
    });
  }

  #arms(partition: ChildProcess, ending: AbortSignal) {
    return armsOf({
      judge: this.#seen.judge,
      servers: this.#servers,
      ending,
      visit: (visit, protocol) => this.#startConsumer(visit, "disturbed", protocol),
      change: (alias) => {
        this.#versions.set(alias, (this.#versions.get(alias) ?? 0) + 1);
        this.#writeModbus();
        partition.kill("SIGHUP");
      },
    });
  }

  #writeModbus(): void {
    const file = join(this.#folder, "modbus.xml");
    writeFileSync(`${file}.new`, modbusXml(this.#servers.ports, this.#versions));
    renameSync(`${file}.new`, file);
  }

  /** Until the signal: looks, counts, samples and tells. */
  async #watch(
    partition: ChildProcess,
    disturbances: ReadonlyMap<string, number>,
    startMs: number,
    ending: AbortSignal,
  ): Promise<void> {
    const { judge } = this.#seen;
    let settledMs = startMs;
    let sampledMs = startMs;
    let toldMs = startMs;
    let turnMs = Date.now();
    while (!ending.aborted) {
      await pause(tickMs, undefined, { signal: ending }).catch(() => undefined);
      const nowMs = Date.now();
      this.#seen.longestHoldUpMs = Math.max(this.#seen.longestHoldUpMs, nowMs - turnMs - tickMs);
      turnMs = nowMs;
      // What was published is told by messages, which take their time.
      judge.look(nowMs - tickMs);
      if (nowMs - settledMs >= settleMs) {
        settledMs = nowMs;
        judge.settle(nowMs);
      }
      if (nowMs - sampledMs >= sampleMs) {
        sampledMs += sampleMs;
        if (isRunning(partition)) this.#seen.sampleProcess(partition.pid ?? 0);
      }
      if (nowMs - toldMs >= progressMs) {
        toldMs += progressMs;
        const done = [...disturbances.values()].reduce((sum, times) => sum + times, 0);
        say(`${Math.round((nowMs - startMs) / 60_000)} min: ${this.#seen.progress}, ${done} disturbances`);
      }
    }
  }

  async #endPartition(partition: ChildProcess): Promise<{ exitCode: number | null; exitMs: number }> {
    this.#isEnding = true;
    if (!isRunning(partition)) return { exitCode: partition.exitCode, exitMs: 0 };
    const askedMs = performance.now();
    const ended = once(partition, "exit");
    partition.kill("SIGTERM");
    const limit = setTimeout(() => partition.kill("SIGKILL"), exitLimitMs);
    const [exitCode] = (await ended) as [number | null];
    clearTimeout(limit);
    return { exitCode, exitMs: performance.now() - askedMs };
  }

  async #untilAllPublish(stop: AbortSignal): Promise<void> {
    const giveUpMs = performance.now() + startLimitMs;
    while (!this.#seen.haveAllPublished) {
      if (stop.aborted) throw new SoakError("cannot soak because it was stopped before every server was polled");
      if (performance.now() > giveUpMs) {
        const errors = [...this.#seen.errorRecords.keys()].join("; ");
        throw new SoakError(
          `cannot soak because not every server is in the images after ${startLimitMs} ms: ${errors}`,
        );
      }
      await pause(tickMs);
    }
  }

  #inSharedMemory(): readonly string[] {
    return readdirSync("/dev/shm").filter((name) => name.includes(this.#prefix));
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
