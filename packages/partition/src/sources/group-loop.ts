// The ticks of one group: polls begin at the instants of a grid, and what they read is published as a whole. A missed instant is counted and
// never made up for.

import { ConnectionState } from "@cpc-partition/image/layout";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { PollsInFlight } from "./polls-in-flight.ts";
import { Alarm, type Grid, type MonotonicClock } from "@cpc-partition/process/schedule";
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
  /** Ends the pause between two polls. */
  #nextPoll = new Alarm();
  wantsAgain: (() => void) | undefined;
  /** The last publication had values that were cut, or whose key was not known. */
  #wantsRenewal = false;
  /** There was such a publication since the last generation of the image: with the next one all is read again. */
  #waitsForRenewal = false;

  constructor(block: GroupSink, context: GroupContext) {
    this.#block = block;
    this.#context = context;
  }

  async everyTick(read: (sink: PointSink) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { grid, clock, pollsInFlight } = this.#context;
    this.#nextPoll = new Alarm();
    this.#waitsForRenewal = false;
    const stop = (): void => this.#nextPoll.ring();
    signal.addEventListener("abort", stop, { once: true });
    try {
      let tick = grid.after(clock());
      while (!signal.aborted) {
        const turn = pollsInFlight.begin(this);
        let startMs: number;
        try {
          if (turn !== undefined) await turn;
          startMs = clock();
          this.#block.begin();
          await read(this.#block);
        } finally {
          pollsInFlight.end(this);
        }
        if (signal.aborted || !this.#context.alive()) return;
        this.#publish(clock() - startMs);
        const nowMs = clock();
        // A timer may fire a little before its time: the tick it was for is over all the same.
        const next = Math.max(tick, grid.after(nowMs));
        if (next > tick) this.#block.count("overruns", BigInt(next - tick));
        const isEarly = await this.#nextPoll.waitUntil(grid, next, nowMs);
        tick = isEarly ? next : next + 1;
      }
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
    this.#nextPoll.ring();
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
