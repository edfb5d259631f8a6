// What waits on disk goes to the engine beside the live changes: in order, marked, and no faster than configured.

import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@cpc-partition/process/log";
import type { PointChange } from "../observation/observed-change.ts";
import type { Session } from "../outputs/output.ts";
import type { Loss, SegmentQueue } from "../queue/segment-queue.ts";
import { decodeBatch, encodeBatch } from "./batch-codec.ts";
import type { PositionsFile } from "./positions-file.ts";

export interface HistorySettings {
  readonly changesPerSecond: number;
}

/** A block goes in one piece; live changes wait for no longer than it takes. */
const mostPerBlock = 2000;
const lookAgainMs = 50;
const troubleMs = 1000;

export class HistoryLane {
  readonly #queue: SegmentQueue;
  readonly #positions: PositionsFile;
  readonly #settings: HistorySettings;
  readonly #log: Log;
  /** Blocks up to here may have been sent by an earlier process. */
  readonly #repeatsEnd: number;
  #dropped = 0;
  #isDropping = false;
  /** Reasons that the log knows. */
  readonly #troubles = new Set<string>();

  constructor(queue: SegmentQueue, positions: PositionsFile, settings: HistorySettings, log: Log) {
    this.#queue = queue;
    this.#positions = positions;
    this.#settings = settings;
    this.#log = log;
    this.#repeatsEnd = queue.isTakenUnknown ? queue.end : 0;
    if (queue.isTakenUnknown)
      log(
        "warn",
        "all queued changes are sent again because the note of what was sent is gone or damaged; look at the disk",
      );
  }

  /** Changes that were lost: the queue was full, or the disk. */
  get dropped(): number {
    return this.#dropped;
  }

  keep(changes: readonly PointChange[], isRepeat: boolean): void {
    for (let first = 0; first < changes.length; first += mostPerBlock) {
      const part = changes.slice(first, first + mostPerBlock);
      const loss = this.#append(part, isRepeat);
      if (loss === undefined) continue;
      this.#dropped += loss.records;
      const why = loss.why === "limit" ? "the queue is full" : `the disk took no more (${loss.code ?? "no code"})`;
      const remedy = loss.why === "limit" ? "set a larger queue.size" : "free room in the folder of --state";
      if (!this.#isDropping)
        this.#log("error", `oldest changes dropped because ${why}; ${remedy}`, { droppedChanges: this.#dropped });
      this.#isDropping = true;
    }
  }

  /** Sends until the session is over. A queue that the system does not let be read is tried again: live changes do not wait for that. */
  async run(session: Session, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        await this.#sendAll(session, isOver);
      } catch (error) {
        if (!isOfSystem(error)) throw error;
        this.#tellTrouble(error);
        await delay(troubleMs);
      }
    }
  }

  /** On disk itself: what a power failure does not take. */
  async flush(): Promise<void> {
    try {
      await this.#queue.flush();
    } catch (error) {
      if (!isOfSystem(error)) throw error;
      this.#tellTrouble(error);
    }
  }

  #append(changes: readonly PointChange[], isRepeat: boolean): Loss | undefined {
    try {
      return this.#queue.append(encodeBatch(changes, isRepeat), changes.length);
    } catch (error) {
      if (!isOfSystem(error)) throw error;
      return { records: changes.length, why: "disk", code: error.code ?? error.message };
    }
  }

  async #sendAll(session: Session, isOver: () => boolean): Promise<void> {
    this.#queue.rewind();
    let dueMs = performance.now();
    while (!isOver()) {
      const block = this.#queue.read();
      if (block === undefined) {
        this.#tellDropsOver();
        await delay(lookAgainMs);
        dueMs = performance.now();
        continue;
      }
      const decoded = block.payload === undefined ? undefined : decodeBatch(block.payload);
      if (decoded === undefined) this.#tellDamaged(block.records);
      else {
        const isRepeat = decoded.isRepeat || this.#positions.historyEnd === block.end || block.end <= this.#repeatsEnd;
        this.#positions.markHistory(block.end);
        await session.publish({ kind: "history", isRepeat, changes: decoded.changes });
      }
      this.#queue.acknowledge(block.end);
      dueMs = Math.max(dueMs + (block.records / this.#settings.changesPerSecond) * 1000, performance.now() - 1000);
      const restMs = dueMs - performance.now();
      if (restMs > 0) await delay(restMs);
    }
  }

  #tellDamaged(records: number): void {
    this.#dropped += records;
    this.#log(
      "error",
      `${records} queued changes are lost because their file is damaged or gone; look at the disk of --state`,
    );
  }

  /** Once for each reason: it is tried again every second. */
  #tellTrouble({ message }: Error): void {
    if (!this.#troubles.has(message))
      this.#log(
        "error",
        `the disk does not work with the queue: ${message}; it is tried again every second; look at the disk of --state`,
      );
    this.#troubles.add(message);
  }

  #tellDropsOver(): void {
    if (this.#isDropping)
      this.#log("info", "the queue is empty again after changes were dropped", { droppedChanges: this.#dropped });
    this.#isDropping = false;
  }
}

function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
