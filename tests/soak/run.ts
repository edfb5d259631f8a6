// One soak from the first process to the last: servers, partition, watchers and consumers, the disturbances, the samples.

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
import { certificateIn } from "../opcua-client/opcua-test-server.ts";
import type { ConsumerReport } from "./consumer-process.ts";
import { disturb, type Arms, type Visit } from "./disturbances.ts";
import type { WatcherReport } from "./image-watcher-process.ts";
import { Judge, type Verdict } from "./judge.ts";
import type { HeapReport } from "./partition-process.ts";
import { intervalMs, modbusXml, oldestGoodMs, opcuaXml, recoveryMs, servers, type Protocol } from "./plan.ts";
import { stateOfProcess } from "./process-state.ts";
import { ServerProcesses } from "./server-processes.ts";
import type { ServerReport } from "./server-messages.ts";
import type { Sample } from "./slope.ts";

export interface RunOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** How many times as often as usual something is done. */
  readonly pace: number;
  readonly logFile: string | undefined;
}

export interface Documents {
  read: number;
  unreadable: number;
  judged: number;
  oldestMs: number;
}

export interface Outcome {
  readonly options: RunOptions;
  readonly startedAt: Date;
  /** Of which values were due. */
  readonly judgedMs: number;
  readonly verdict: Verdict;
  readonly disturbances: ReadonlyMap<string, number>;
  /** What servers answered, by kind. */
  readonly answers: ReadonlyMap<string, number>;
  readonly tokensRenewed: number;
  readonly documents: Readonly<Record<"steady" | "disturbed", Documents>>;
  readonly images: ReadonlyMap<Protocol, Extract<WatcherReport, { kind: "look" }>>;
  readonly longestHeartbeatMs: number;
  readonly series: ReadonlyMap<string, readonly Sample[]>;
  readonly partitionCpuShare: number;
  readonly loadAverage: readonly number[];
  /** The longest time that the soak's own process was held up. */
  readonly longestHoldUpMs: number;
  readonly errorRecords: ReadonlyMap<string, number>;
  /** What should not have ended and did. */
  readonly ended: readonly string[];
  readonly exitCode: number | null;
  readonly exitMs: number;
  readonly leftInSharedMemory: readonly string[];
}

const protocols: readonly Protocol[] = ["modbus", "opcua"];
const tickMs = 250;
const settleMs = 1000;
const sampleMs = 10_000;
const progressMs = 60_000;
const warmUpMs = 10_000;
const startLimitMs = 60_000;
const exitLimitMs = 30_000;
const lateGraceMs = 100;
/** Ctrl-C is for the soak alone, which then ends the others in order. */
const apart = { detached: true } as const;
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
  readonly #judge = new Judge(
    servers.map(({ alias, protocol, firstPlace, points }) => ({
      alias,
      service: protocol,
      firstPlace,
      points,
      intervalMs,
      oldestGoodMs: oldestGoodMs(protocol),
      recoveryMs: recoveryMs[protocol],
    })),
  );
  readonly #servers: ServerProcesses;
  readonly #children = new Set<ChildProcess>();
  readonly #visitors = new Set<ChildProcess>();
  readonly #answers = new Map<string, number>();
  readonly #documents = { steady: noDocuments(), disturbed: noDocuments() };
  readonly #images = new Map<Protocol, Extract<WatcherReport, { kind: "look" }>>();
  readonly #series = new Map<string, Sample[]>();
  readonly #errorRecords = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #awaitedLate = new Map<string, () => void>();
  readonly #ended: string[] = [];
  #longestHeartbeatMs = 0;
  #longestHoldUpMs = 0;
  #isJudging = false;
  #configurationVersion = 0;
  #isEnding = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), `cpc-soak-${process.pid}-`));
    this.#prefix = `cpc-soak-${process.pid}-`;
    this.#servers = new ServerProcesses(options.seed, this.#folder, (report) => this.#served(report));
  }

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
    say(`seed ${seed}, ${Math.round(durationMs / 60_000)} minutes, ${servers.length} servers`);
    await this.#prepareCertificates();
    await this.#servers.startAll();
    const partition = this.#startPartition();
    for (const protocol of protocols) this.#startWatcher(protocol);
    await this.#until("every server has been polled", () => this.#seen.size === servers.length, stop);
    for (const consumer of ["steady", "disturbed"] as const) void this.#startConsumer("steady", consumer);
    await pause(warmUpMs, undefined, { signal: stop }).catch(() => undefined);

    const startedAt = new Date();
    const cpuBefore = stateOfProcess(partition.pid ?? 0).cpuSeconds;
    this.#judge.begin(Date.now());
    this.#isJudging = true;
    const ending = AbortSignal.any([stop, AbortSignal.timeout(durationMs)]);
    const { counts: disturbances, ended } = disturb(seed, pace, this.#arms(partition, ending), ending);
    await this.#watch(partition, disturbances, startedAt.getTime(), ending);

    const endedMs = Date.now();
    for (const visitor of this.#visitors) visitor.kill("SIGKILL");
    await ended;
    const isAlive = partition.exitCode === null && partition.signalCode === null;
    const cpuSeconds = isAlive ? stateOfProcess(partition.pid ?? 0).cpuSeconds - cpuBefore : Number.NaN;
    this.#judge.settle(endedMs - 2 * intervalMs, true);
    this.#isJudging = false;
    const { exitCode, exitMs } = await this.#endPartition(partition);
    return {
      options: this.#options,
      startedAt,
      judgedMs: endedMs - startedAt.getTime(),
      verdict: this.#judge.verdict,
      disturbances,
      answers: this.#answers,
      tokensRenewed: [...this.#servers.renewed.values()].reduce((sum, tokens) => sum + tokens, 0),
      documents: this.#documents,
      images: this.#images,
      longestHeartbeatMs: this.#longestHeartbeatMs,
      series: this.#series,
      partitionCpuShare: (cpuSeconds * 1000) / (endedMs - startedAt.getTime()),
      loadAverage: loadavg(),
      longestHoldUpMs: this.#longestHoldUpMs,
      errorRecords: this.#errorRecords,
      ended: this.#ended,
      exitCode,
      exitMs,
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
    this.#writeModbus("");
    writeFileSync(join(this.#folder, "opcua.xml"), opcuaXml(this.#servers.ports));
    const files = ["--modbus", join(this.#folder, "modbus.xml"), "--opcua", join(this.#folder, "opcua.xml")];
    const certificates = join(this.#folder, "certificates");
    const settings = { interval: intervalMs / 1000, prefix: this.#prefix, consumers: "steady,disturbed", certificates };
    const options = Object.entries({ ...settings, "log-format": "json" }).flatMap(([name, value]) => [
      `--${name}`,
      String(value),
    ]);
    const parameters = ["run", ...files, ...options, "--remove-on-exit"];
    const partition = fork(entries.partition, parameters, { ...apart, stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#children.add(partition);
    this.#readLog(partition);
    partition.on("message", (message) => {
      const { bytes } = message as HeapReport;
      for (const [thread, value] of Object.entries(bytes)) this.#sample(`heap in use, ${thread}`, value);
    });
    partition.once("exit", (code, signal) => {
      if (!this.#isEnding) this.#ended.push(`the partition has ended (${code ?? signal})`);
    });
    return partition;
  }

  #readLog(partition: ChildProcess): void {
    const { logFile } = this.#options;
    if (logFile !== undefined) partition.stderr?.pipe(createWriteStream(logFile));
    let rest = "";
    partition.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const isError = line.includes('"level":50') || line.includes('"level":"error"') || !line.startsWith("{");
        if (isError) count(this.#errorRecords, /"msg":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line);
      }
    });
  }

  #startWatcher(protocol: Protocol): void {
    const watcher = fork(entries.watcher, [`${this.#prefix}${protocol}_image`], {
      ...apart,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#children.add(watcher);
    watcher.on("message", (message) => {
      const report = message as WatcherReport;
      if (report.kind === "publication") {
        this.#seen.add(report.publication.server);
        this.#judge.publication(report.publication);
        return;
      }
      this.#images.set(protocol, report);
      if (this.#isJudging) this.#longestHeartbeatMs = Math.max(this.#longestHeartbeatMs, report.heartbeatAgeMs);
    });
    watcher.once("exit", (code, signal) => {
      if (!this.#isEnding) this.#ended.push(`the watcher of ${protocol} has ended (${code ?? signal})`);
    });
  }

  async #startConsumer(
    role: Visit | "steady",
    consumer: "steady" | "disturbed",
    protocol: Protocol = "modbus",
  ): Promise<void> {
    const child = fork(entries.consumer, [role, this.#prefix, consumer, protocol], {
      ...apart,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#children.add(child);
    if (role !== "steady") this.#visitors.add(child);
    const documents = this.#documents[consumer];
    child.on("message", (message) => {
      const { read, unreadable, judged, oldestMs, wrong } = message as ConsumerReport;
      documents.read += read;
      documents.unreadable += unreadable;
      documents.judged += judged;
      documents.oldestMs = Math.max(documents.oldestMs, oldestMs);
      for (const what of wrong) this.#judge.wrong(Date.now(), what);
    });
    await once(child, "exit");
    this.#children.delete(child);
    this.#visitors.delete(child);
  }

  /** Until the signal: looks, counts, samples and tells. */
  async #watch(
    partition: ChildProcess,
    disturbances: ReadonlyMap<string, number>,
    startMs: number,
    ending: AbortSignal,
  ): Promise<void> {
    let settledMs = startMs;
    let sampledMs = startMs;
    let toldMs = startMs;
    let turnMs = Date.now();
    while (!ending.aborted) {
      await pause(tickMs, undefined, { signal: ending }).catch(() => undefined);
      const nowMs = Date.now();
      this.#longestHoldUpMs = Math.max(this.#longestHoldUpMs, nowMs - turnMs - tickMs);
      turnMs = nowMs;
      // What was published is told by messages, which take their time.
      this.#judge.look(nowMs - tickMs);
      if (nowMs - settledMs >= settleMs) {
        settledMs = nowMs;
        this.#judge.settle(nowMs);
      }
      if (nowMs - sampledMs >= sampleMs) {
        sampledMs += sampleMs;
        this.#sampleProcess(partition);
      }
      if (nowMs - toldMs >= progressMs) {
        toldMs += progressMs;
        this.#tellProgress(nowMs - startMs, disturbances);
      }
    }
  }

  #sampleProcess(partition: ChildProcess): void {
    if (partition.exitCode !== null || partition.signalCode !== null) return;
    const { rssBytes, descriptors, mappings, sharedMappings } = stateOfProcess(partition.pid ?? 0);
    this.#sample("resident memory", rssBytes);
    this.#sample("descriptors", descriptors);
    this.#sample("mappings", mappings);
    this.#sample("mappings of shared memory", sharedMappings);
  }

  #sample(name: string, value: number): void {
    if (!this.#isJudging) return;
    const samples = this.#series.get(name) ?? [];
    this.#series.set(name, samples);
    samples.push({ atMs: Date.now(), value });
  }

  #tellProgress(elapsedMs: number, disturbances: ReadonlyMap<string, number>): void {
    const { due, delivered, judged, wrongAsGood, oldestGoodMs: oldestMs } = this.#judge.verdict;
    const rssMiB = Math.round((this.#series.get("resident memory")?.at(-1)?.value ?? 0) / 2 ** 20);
    const done = [...disturbances.values()].reduce((sum, number) => sum + number, 0);
    say(
      `${Math.round(elapsedMs / 60_000)} min: ${due} due, ${due - delivered} missing, ${judged} judged, ${wrongAsGood} wrong, ` +
        `oldest ${oldestMs} ms, ${done} disturbances, RSS ${rssMiB} MiB`,
    );
  }

  #served(report: ServerReport): void {
    if (report.kind === "injected") {
      count(this.#answers, report.what);
      this.#judge.injected(report);
    }
    if (report.kind === "late") this.#awaitedLate.get(report.server)?.();
  }

  #arms(partition: ChildProcess, ending: AbortSignal): Arms {
    const wait = async (durationMs: number): Promise<void> => {
      await pause(durationMs, undefined, { signal: ending }).catch(() => undefined);
    };
    return {
      restartDevice: async (server, downMs) => {
        this.#servers.order(server, { kind: "restart", server: server.alias, downMs });
        await wait(downMs + lateGraceMs);
      },
      hangDevice: async (server, forMs) => {
        this.#servers.order(server, { kind: "hang", server: server.alias, forMs });
        await wait(forMs + lateGraceMs);
      },
      cut: async (server) => {
        this.#servers.order(server, { kind: "cut", server: server.alias });
        await wait(lateGraceMs);
      },
      late: async (server, byMs) => {
        const isDue = new Promise<void>((resolve) => {
          this.#awaitedLate.set(server.alias, resolve);
        });
        this.#servers.order(server, { kind: "late", server: server.alias, byMs });
        await Promise.race([isDue, wait(startLimitMs)]);
        this.#awaitedLate.delete(server.alias);
        await wait(byMs);
      },
      killServers: async (process, downMs) => {
        await this.#servers.kill("opcua", process);
        await wait(downMs);
        if (!ending.aborted) await this.#servers.start("opcua", process);
      },
      stopServers: async (process, forMs) => {
        this.#servers.signal("opcua", process, "SIGSTOP");
        await wait(forMs);
        this.#servers.signal("opcua", process, "SIGCONT");
      },
      reconfigure: async (server) => {
        this.#writeModbus(server.alias);
        partition.kill("SIGHUP");
        await wait(settleMs);
      },
      visit: async (visit, protocol) => {
        await this.#startConsumer(visit, "disturbed", protocol);
      },
      away: async (away, work) => {
        const backs = away.map(({ alias }) => this.#judge.outage(alias, Date.now()));
        await work();
        for (const back of backs) back(Date.now());
      },
    };
  }

  #writeModbus(changedAlias: string): void {
    const file = join(this.#folder, "modbus.xml");
    this.#configurationVersion++;
    const changed = { alias: changedAlias, version: this.#configurationVersion };
    writeFileSync(`${file}.new`, modbusXml(this.#servers.ports, changed));
    renameSync(`${file}.new`, file);
  }

  async #endPartition(partition: ChildProcess): Promise<{ exitCode: number | null; exitMs: number }> {
    this.#isEnding = true;
    if (partition.exitCode !== null || partition.signalCode !== null)
      return { exitCode: partition.exitCode, exitMs: 0 };
    const askedMs = performance.now();
    const ended = once(partition, "exit");
    partition.kill("SIGTERM");
    const limit = setTimeout(() => partition.kill("SIGKILL"), exitLimitMs);
    const [exitCode] = (await ended) as [number | null];
    clearTimeout(limit);
    return { exitCode, exitMs: performance.now() - askedMs };
  }

  async #until(what: string, condition: () => boolean, stop: AbortSignal): Promise<void> {
    const giveUpMs = performance.now() + startLimitMs;
    while (!condition()) {
      if (stop.aborted || performance.now() > giveUpMs)
        throw new SoakError(
          `cannot soak because ${stop.aborted ? "it was stopped before" : "it was waited in vain until"} ${what}`,
        );
      await pause(tickMs);
    }
  }

  #inSharedMemory(): readonly string[] {
    return readdirSync("/dev/shm").filter((name) => name.includes(this.#prefix));
  }
}

function noDocuments(): Documents {
  return { read: 0, unreadable: 0, judged: 0, oldestMs: 0 };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
