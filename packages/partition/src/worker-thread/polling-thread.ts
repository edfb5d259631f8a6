// One polling thread of a service, as the service's own thread sees it: what it reports is written into the image here.

import type { Worker } from "node:worker_threads";
import type { ServerBlock } from "@cpc-partition/image/server-block";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ConnectionState } from "@cpc-partition/image/layout";
import type { Log } from "@cpc-partition/process/log";
import { monotonicMs } from "@cpc-partition/process/schedule";
import type { PackedServer } from "../configuration/packed-configuration.ts";
import type { ServerLoop } from "../sources/acquisition.ts";
import type { LoopContext } from "../sources/connection-loop.ts";
import type { Source } from "../sources/source.ts";
import type { MessageToPolling, PollingReport, SharedWords } from "./polling-messages.ts";
import { replay } from "./recorded-poll.ts";

/** A polling thread waits as long for a slow poll as this one does for its own, and its answer takes a moment. */
const longestTickMs = 250;

/** A polling thread ended without an error of its own. */
export class PollingEndedError extends Error {
  override readonly name = "PollingEndedError";
  readonly code = "PollingEnded";

  constructor(thread: string, exitCode: number) {
    super(`polling thread ${thread} ended unexpectedly with code ${exitCode}`);
  }
}

/** What is shown in the image. */
type Shown = Exclude<Extract<PollingReport, { readonly server: number }>, { readonly kind: "ended" | "found" }>;

interface Served {
  readonly source: Source;
  readonly ended: () => void;
  /** Undefined once it was told to stop: what it still reports is not shown, for it is shown as stopped already. */
  block: ServerBlock | undefined;
  /** Groups with values that were cut, or whose key is not known yet. */
  readonly waiting: Set<number>;
}

/** What is to be done next, in the order in which it came: a report, or a wait until the image has the points that a server has described. */
type Turn = PollingReport | Promise<void>;

export class PollingThread {
  readonly #worker: Worker;
  readonly #shared: SharedWords;
  readonly #log: Log;
  readonly #changed: LoopContext["changed"];
  readonly #served = new Map<number, Served>();
  readonly #turns: Turn[] = [];
  #isTaking = false;
  #isHeld = false;
  /** Reports that are done with. */
  #taken = 0;
  /** Ends the wait for a tick: for this one, or for any. */
  #ticked: ((instantMs?: number) => void) | undefined;
  #servers = 0;

  constructor(
    worker: Worker,
    name: string,
    shared: SharedWords,
    { log, changed }: Pick<LoopContext, "log" | "changed">,
    failed: (error: unknown) => void,
  ) {
    this.#worker = worker;
    this.#shared = shared;
    this.#log = log;
    this.#changed = changed;
    worker.on("message", (reports: readonly PollingReport[]) => {
      for (const report of reports) this.#turns.push(this.#turnOf(report));
      if (!this.#isTaking) void this.#takeAll();
    });
    worker.on("error", failed);
    worker.once("exit", (code) => failed(new PollingEndedError(name, code)));
  }

  loopOf(source: Source, packed: PackedServer, block: ServerBlock): ServerLoop {
    const server = this.#servers++;
    const ended = Promise.withResolvers<void>();
    const waiting = new Set<number>();
    const served: Served = { source, ended: ended.resolve, block, waiting };
    return {
      run: async () => {
        this.#served.set(server, served);
        this.#send({ kind: "read", server, groups: block.groups.length, packed, known: source.known?.() });
        await ended.promise;
      },
      stop: () => {
        if (served.block === undefined) return;
        served.block = undefined;
        this.#send({ kind: "stop", server, taken: this.#taken });
        block.showEverywhere({ connection: ConnectionState.stopped }, StatusCode.BadShutdown);
      },
      renewed: () => {
        for (const group of waiting) this.#send({ kind: "read again", server, group });
        waiting.clear();
      },
    };
  }

  async ofTick(instantMs: number): Promise<void> {
    // It is the image's turn.
    if (this.#isHeld) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, longestTickMs);
      this.#ticked = (ofMs) => {
        if (ofMs !== undefined && ofMs !== instantMs) return;
        clearTimeout(timer);
        resolve();
      };
      this.#send({ kind: "tick", instantMs });
    });
  }

  /** 0 while it loads its code. */
  beatAgeMs(): number {
    const { beatMs } = this.#shared;
    return beatMs === 0 ? 0 : monotonicMs() - beatMs;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(message: MessageToPolling): void {
    this.#worker.postMessage(message);
  }

  /** Points are described at once, so that one new image serves all servers that come at the same time. */
  #turnOf(report: PollingReport): Turn {
    if (report.kind !== "found" || !report.isOfPoints) return report;
    const { source, block } = this.#served.get(report.server) ?? {};
    source?.addFinding?.(report.finding);
    return block === undefined ? Promise.resolve() : this.#changed();
  }

  async #takeAll(): Promise<void> {
    this.#isTaking = true;
    for (let turn = this.#turns.shift(); turn !== undefined; turn = this.#turns.shift()) {
      if (turn instanceof Promise) await this.#hold(turn);
      else this.#take(turn);
      this.#taken++;
      this.#shared.done(1);
    }
    this.#isTaking = false;
  }

  async #hold(turn: Promise<void>): Promise<void> {
    this.#isHeld = true;
    this.#ticked?.();
    await turn;
    this.#isHeld = false;
  }

  #take(report: PollingReport): void {
    switch (report.kind) {
      case "log":
        this.#log(report.level, report.message, report.fields);
        return;
      case "ticked":
        this.#ticked?.(report.instantMs);
        return;
      case "changed":
        return void this.#changed();
      case "found":
        this.#served.get(report.server)?.source.addFinding?.(report.finding);
        return;
      case "ended":
        this.#served.get(report.server)?.ended();
        this.#served.delete(report.server);
        return;
      default: {
        const served = this.#served.get(report.server);
        if (served?.block !== undefined) this.#show(report, served.block, served.waiting);
      }
    }
  }

  #show(report: Shown, block: ServerBlock, waiting: Set<number>): void {
    switch (report.kind) {
      case "published": {
        const group = block.groups[report.group];
        if (group === undefined) return;
        replay(report.poll, group);
        group.publish(report.connection, report.durationMs);
        if (!group.wantsRoom && !group.isWithholding) return;
        waiting.add(report.group);
        return void this.#changed();
      }
      case "shown":
        return block.show(report.state);
      case "shown everywhere":
        return block.showEverywhere(report.state, report.status);
      case "counted":
        return block.count(report.counter);
      case "failed":
        return block.countFailure(report.failure);
      case "group counted":
        block.groups[report.group]?.count(report.counter, report.by);
    }
  }
}
