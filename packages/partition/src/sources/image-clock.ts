// The clock of a service's image: at every tick, when the polls that began with it have ended, it tells readers that the values belong
// together. Documents are made at that moment. It waits for no slow server. A server that comes or goes is worth a tick at once. The clock
// beats, so that readers know that somebody keeps the image up to date, and makes new generations of the image.

import { Alarm, type Grid, type MonotonicClock } from "@cpc-partition/process/schedule";
import type { ImageGenerations } from "./image-generations.ts";
import type { PollsInFlight } from "./polls-in-flight.ts";

/** Readers must not wait for the next tick of a long interval to know that somebody is there. */
const longestBeatMs = 250;
/** A thread that has been silent for so long hangs: as long as readers of a service with one thread wait for it. */
const hungAfterMs = 500;
/** An image that was refused is asked for again after this time, however long the interval is. */
const refusedAgainMs = 1000;
/** Laying out a large image takes its time, in which no server is read: asking in vain may take up this part of the thread. */
const refusedShare = 0.05;

export interface ImageClockContext {
  /** The instants of the polls, or a little later. */
  readonly grid: Grid;
  readonly clock: MonotonicClock;
  readonly pollsInFlight: Pick<PollsInFlight, "ofTick">;
  /** How long ago the threads that read for this image were all known to run; absent: there is only this one. */
  readonly beatAgeMs?: () => number;
  /** Called when there is a new generation of the image. */
  readonly renewed: () => void;
  /** Called with every tick. */
  readonly ticked: () => void;
}

export class ImageClock {
  readonly #generations: ImageGenerations;
  readonly #context: ImageClockContext;
  readonly #alarm = new Alarm();
  #tick: number;
  /** An image that was refused is not asked for before. */
  #notBeforeMs = -Infinity;
  #isStopped = false;
  /** What was asked for since the last attempt to make a new generation. */
  #requested: PromiseWithResolvers<void> | undefined;

  constructor(generations: ImageGenerations, context: ImageClockContext) {
    this.#generations = generations;
    this.#context = context;
    this.#tick = context.grid.after(context.clock());
  }

  /** A tick soon, and a new generation if there is a reason for one. Ends when that is there, or cannot be had now. */
  async request(): Promise<void> {
    if (this.#isStopped) return;
    this.#alarm.ring();
    this.#requested ??= Promise.withResolvers();
    await this.#requested.promise;
  }

  /** Ends after `stop`. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#renew();
      const { image } = this.#generations;
      this.#beat();
      if (this.#isHeld()) image.count("ticksMissed");
      else {
        image.tick();
        this.#context.ticked();
      }
      if (!this.#isStopped) await this.#untilDue();
    }
    this.#requested?.resolve();
  }

  stop(): void {
    this.#isStopped = true;
    this.#alarm.ring();
  }

  async #renew(): Promise<void> {
    const requested = this.#requested;
    this.#requested = undefined;
    await this.#attempt();
    requested?.resolve();
  }

  async #attempt(): Promise<void> {
    const { clock, renewed } = this.#context;
    const startMs = clock();
    if (startMs < this.#notBeforeMs) return;
    if (await this.#generations.renew()) renewed();
    const endMs = clock();
    const pauseMs = Math.max(refusedAgainMs, (endMs - startMs) / refusedShare);
    this.#notBeforeMs = this.#generations.isRefused ? endMs + pauseMs : -Infinity;
  }

  /** The image is as alive as the thread that has been silent longest. */
  #beat(): void {
    this.#generations.image.beat(this.#context.beatAgeMs?.());
  }

  /** A tick says that all values are as new as they can be, which those of a thread that hangs are not. */
  #isHeld(): boolean {
    return (this.#context.beatAgeMs?.() ?? 0) > hungAfterMs;
  }

  async #untilDue(): Promise<void> {
    const { clock, grid } = this.#context;
    const instantMs = grid.instantMs(this.#tick);
    const dueMs = this.#generations.isRefused ? Math.min(instantMs, this.#notBeforeMs) : instantMs;
    for (let restMs = dueMs - clock(); ; restMs = dueMs - clock()) {
      if (await this.#alarm.wait(Math.min(longestBeatMs, restMs))) return;
      // A timer may fire a little before its time: the tick it was for is over all the same.
      if (restMs <= longestBeatMs || clock() >= dueMs) break;
      this.#beat();
    }
    if (dueMs === instantMs) await this.#endTick(instantMs);
  }

  async #endTick(instantMs: number): Promise<void> {
    const { clock, grid, pollsInFlight } = this.#context;
    // The loops wake at the same instant: let them begin before waiting for them.
    await new Promise(setImmediate);
    await pollsInFlight.ofTick(instantMs);
    const next = Math.max(this.#tick + 1, grid.after(clock()));
    const missed = next - this.#tick - 1;
    if (missed > 0) this.#generations.image.count("ticksMissed", BigInt(missed));
    this.#tick = next;
  }
}
