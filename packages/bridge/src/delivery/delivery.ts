// One output with everything that makes its delivery: what it follows, what it has on disk, its connection, and the two lanes to it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serviceNames } from "@cpc-partition/image/service-name";
import type { Log } from "@cpc-partition/process/log";
import type { DeliverySettings } from "../configuration/delivery-settings.ts";
import { FollowedService, type FollowedChange } from "../observation/followed-service.ts";
import { OutputError, type DeliveryFigures, type Output, type Session } from "../outputs/output.ts";
import { SegmentQueue } from "../queue/segment-queue.ts";
import { ChangeFilter } from "./change-filter.ts";
import { ConnectionKeeper } from "./connection-keeper.ts";
import { HistoryLane } from "./history-lane.ts";
import { LiveLane } from "./live-lane.ts";
import { PositionsFile } from "./positions-file.ts";

const figuresMs = 10_000;
const flushMs = 1000;
const mostSegments = 16;
/** A goodbye that nobody takes does not hold up the end. */
const goodbyeMs = 5000;

export interface DeliveryPlace {
  readonly prefix: string;
  readonly stateFolder: string;
  readonly log: Log;
}

export interface DeliveryState extends DeliveryFigures {
  readonly output: string;
  readonly isConnected: boolean;
  readonly deliveredChanges: number;
  readonly reconnects: number;
}

export class Delivery implements Disposable {
  readonly #output: Output;
  readonly #settings: DeliverySettings;
  readonly #services: readonly FollowedService[];
  readonly #queue: SegmentQueue;
  readonly #positions: PositionsFile;
  readonly #history: HistoryLane;
  readonly #live: LiveLane;
  readonly #keeper: ConnectionKeeper;
  readonly #log: Log;
  #session: Session | undefined;
  #reported: DeliveryFigures | undefined;
  #reportedMs = Number.NEGATIVE_INFINITY;

  /** Opens what an earlier bridge left. Throws the error of the system when the folder cannot be used. */
  constructor(output: Output, settings: DeliverySettings, { prefix, stateFolder, log }: DeliveryPlace) {
    this.#output = output;
    this.#settings = settings;
    this.#log = (level, message, fields) => log(level, message, { output: output.name, ...fields });
    mkdirSync(stateFolder, { recursive: true, mode: 0o750 });
    this.#positions = new PositionsFile(stateFolder, this.#log);
    this.#services = serviceNames.map((name) => new FollowedService(prefix, name, this.#positions.done(name)));
    const limitBytes = settings.queueBytes;
    this.#queue = new SegmentQueue(join(stateFolder, "queue"), {
      limitBytes,
      segmentBytes: Math.floor(limitBytes / mostSegments),
    });
    const history = { changesPerSecond: settings.historyPerSecond };
    this.#history = new HistoryLane(this.#queue, this.#positions, history, this.#log);
    const filter = new ChangeFilter<FollowedChange>(settings);
    this.#live = new LiveLane(this.#services, filter, this.#positions, this.#history, this.#log);
    const kept = { opened: (session: Session) => this.#opened(session), closed: () => this.#closed() };
    const events = { birthsWanted: () => this.#live.wantBirths() };
    this.#keeper = new ConnectionKeeper(output, this.#log, kept, events);
  }

  get state(): DeliveryState {
    return {
      output: this.#output.name,
      isConnected: this.#session !== undefined,
      deliveredChanges: this.#live.delivered,
      reconnects: this.#keeper.reconnects,
      ...this.#figures(),
    };
  }

  /** Until the signal aborts; then what was read is delivered or stored, and the engine is told. */
  async run(signal: AbortSignal): Promise<void> {
    const pumped = new AbortController();
    const connection = this.#keeper.run(pumped.signal);
    const flushing = this.#flushQueue(pumped.signal);
    try {
      while (!signal.aborted) {
        await this.#live.turn(signal);
        await this.#tellFigures();
        await delay(this.#settings.batchMs, undefined, { signal }).catch(() => {});
      }
      await withinGoodbye(this.#last(signal));
    } finally {
      pumped.abort();
    }
    await withinGoodbye(connection);
    await flushing;
  }

  [Symbol.dispose](): void {
    for (const service of this.#services) service[Symbol.dispose]();
    this.#queue[Symbol.dispose]();
    this.#positions[Symbol.dispose]();
  }

  async #last(signal: AbortSignal): Promise<void> {
    await this.#live.turn(signal);
    await this.#live.flush();
  }

  #opened(session: Session): void {
    this.#session = session;
    this.#reported = undefined;
    this.#reportedMs = Number.NEGATIVE_INFINITY;
    this.#live.begin(session);
    void this.#sendHistory(session);
  }

  #closed(): void {
    this.#session = undefined;
    this.#live.end();
  }

  async #sendHistory(session: Session): Promise<void> {
    const isOver = (): boolean => this.#session !== session;
    try {
      while (!isOver() && !this.#live.isBorn) await delay(this.#settings.batchMs);
      if (!isOver()) await this.#history.run(session, isOver);
    } catch (error) {
      // The connection is over; the keeper says so.
      if (!(error instanceof OutputError)) throw error;
    }
  }

  async #flushQueue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(flushMs, undefined, { signal }).catch(() => {});
      await this.#history.flush();
    }
  }

  #figures(): DeliveryFigures {
    return {
      queuedChanges: this.#queue.records,
      queuedBytes: this.#queue.bytes,
      droppedChanges: this.#history.dropped,
      lostChanges: this.#live.lost,
    };
  }

  /** When they have changed, and no more often than every ten seconds. */
  async #tellFigures(): Promise<void> {
    const session = this.#session;
    if (session === undefined || !this.#live.isBorn || performance.now() - this.#reportedMs < figuresMs) return;
    const figures = this.#figures();
    if (JSON.stringify(figures) === JSON.stringify(this.#reported)) return;
    this.#reported = figures;
    this.#reportedMs = performance.now();
    await session.publishFigures(figures).catch((error: unknown) => {
      if (!(error instanceof OutputError)) throw error;
    });
  }
}

async function withinGoodbye(work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const timeout = delay(goodbyeMs, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work, timeout]);
  over.abort();
}
