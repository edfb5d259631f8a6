// The ticks of one group: polls begin at the instants of a grid, and what they read is published as a whole. A missed instant is counted and
// never made up for.

import { ConnectionState } from "@cpc-partition/image/layout";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { PollsInFlight } from "./polls-in-flight.ts";
import { GridAlarm, type Grid, type MonotonicClock } from "@cpc-partition/process/schedule";
import type { GroupSink } from "./server-sink.ts";
import type { GroupReports, Receipt } from "./source.ts";

const shown: Receipt = () => true;
const dropped: Receipt = () => false;

export interface GroupContext {
  readonly grid: Grid;
  readonly clock: MonotonicClock;
  readonly pollsInFlight: PollsInFlight;
  /** Called before each publication: the server is alive. False: nobody wants to know any more. */
  readonly alive: () => boolean;
  /** Called when values were cut, or their key is not known yet: worth a new generation of the image. */
  readonly wantsRenewal: () => void;
}

export class GroupLoop implements GroupReports {
  readonly #block: GroupSink;
  readonly #context: GroupContext;
  /** Ends the pause between two polls; undefined: there are none. */
  #nextPoll: GridAlarm | undefined;
  wantsAgain: (() => void) | undefined;
  /** The last publication had values that were cut, or whose key was not known. */
  #wantsRenewal = false;
  /** There was such a publication since the last generation of the image: with the next one all is read again. */
  #waitsForRenewal = false;

  constructor(block: GroupSink, context: GroupContext) {
    this.#block = block;
    this.#context = context;
  }

  /** A poll is several calls, not one loop that awaits them: what such a loop needs between two polls would outlive collections of garbage. */
  async everyTick(read: (sink: PointSink) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { grid, clock, pollsInFlight } = this.#context;
    const all = Promise.withResolvers<void>();
    let tick = grid.after(clock());
    let startMs = 0;
    const failed = (error: unknown): void => {
      pollsInFlight.end(this);
      all.reject(error);
    };
    const orFail = (step: () => void) => (): void => {
      try {
        step();
      } catch (error) {
        failed(error);
      }
    };
    const begin = (): void => {
      if (signal.aborted) all.resolve();
      else pollsInFlight.begin(this, poll);
    };
    const poll = orFail(() => {
      startMs = clock();
      this.#block.begin();
      read(this.#block).then(ended, failed);
    });
    const ended = orFail(() => {
      pollsInFlight.end(this);
      if (signal.aborted || !this.#context.alive()) return all.resolve();
      this.#publish(clock() - startMs);
      const nowMs = clock();
      // A timer may fire a little before its time: the tick it was for is over all the same.
      const next = Math.max(tick, grid.after(nowMs));
      if (next > tick) this.#block.count("overruns", BigInt(next - tick));
      tick = next;
      pause.waitUntil(grid, next, nowMs);
    });
    const pause = new GridAlarm((isEarly) => {
      if (!isEarly) tick++;
      begin();
    });
    const stop = (): void => pause.ring();
    this.#nextPoll = pause;
    this.#waitsForRenewal = false;
    signal.addEventListener("abort", stop, { once: true });
    try {
      begin();
      await all.promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** What comes late is left out: the server was shown as stopped, with a status for each point. */
  publish(fill: (sink: PointSink) => void): Receipt {
    if (!this.#context.alive()) return dropped;
    this.#block.begin();
    fill(this.#block);
    this.#publish(null);
    return this.#block.receipt?.() ?? shown;
  }

  room(): Promise<void> | undefined {
    return this.#context.pollsInFlight.room();
  }

  /** There is a new generation of the image: values that were cut are read again at once. */
  renewed(): void {
    if (!this.#waitsForRenewal) return;
    this.#waitsForRenewal = false;
    this.readAgain();
  }

  readAgain(): void {
    this.#nextPoll?.ring();
    this.wantsAgain?.();
  }

  #publish(durationMs: number | null): void {
    this.#block.publish(ConnectionState.connected, durationMs);
    const wantsRenewal = this.#block.wantsRoom || this.#block.isWithholding;
    if (this.#wantsRenewal || wantsRenewal) this.#context.wantsRenewal();
    this.#wantsRenewal = wantsRenewal;
    // A publication between the next generation and the word of it wants nothing more, and has not read those values again.
    this.#waitsForRenewal ||= wantsRenewal;
  }
}
