// The image of a service as its documents see it: opened by its name, read-only, and judged all along. A partition that was killed loses its
// lock on the image, one that hangs neither ticks nor beats: either way nobody keeps the values up to date.
//
// It sleeps until the image ticks. Only when the tick is late does it look at name, lock and heartbeat, which takes calls to the system.

import type { ImageReader } from "@cpc-partition/image/image-reader";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { wallClockNs } from "@cpc-partition/image/posix/wall-clock";
import type { Log } from "@cpc-partition/process/log";
import { Alarm, monotonicMs, type MonotonicClock } from "@cpc-partition/process/schedule";
import type { DocumentSource } from "./publisher.ts";

/** A tick is late after so many intervals, and in any case after this time: a service may tick once an hour. */
const lateIntervals = 1.25;
const longestPauseMs = 500;
/** How soon an image is to be seen where there is none, or none that is kept up to date. */
const absentPauseMs = 100;
/** No sign of life for so many intervals: the writer hangs. Within these limits, since a short pause is not taken for that. */
const silentIntervals = 1.5;
const leastSilenceMs = 500;
const longestSilenceMs = 5000;

export class WatchedImage implements DocumentSource, Disposable {
  readonly #opened: OpenedImage;
  readonly #log: Log;
  readonly #clock: MonotonicClock;
  readonly #wallClock: () => bigint;
  readonly #alarm = new Alarm();
  #image: ImageReader | undefined;
  /** The image on whose tick somebody sleeps already. */
  #sleptOn: ImageReader | undefined;
  #isUnseen = true;
  #hasWriter = false;
  #ticks = 0;
  #beatNs = 0n;
  /** The last sign of life, on our own clock, since the wall clock may be set at any time. */
  #aliveMs = -Infinity;
  #logged = "";

  constructor(name: string, log: Log, clock: MonotonicClock = monotonicMs, wallClock = wallClockNs) {
    this.#opened = new OpenedImage(name);
    this.#log = log;
    this.#clock = clock;
    this.#wallClock = wallClock;
  }

  image(): ImageReader | undefined {
    if (this.#isUnseen || this.#image?.isRetired === true) this.#look();
    return this.#image;
  }

  isLive(): boolean {
    const image = this.image();
    if (image === undefined || image.isRetired || !this.#hasWriter) return false;
    return this.#clock() - this.#aliveMs < silenceMs(image);
  }

  async change(limitMs: number): Promise<void> {
    const image = this.image();
    const pauseMs = Math.min(limitMs, this.#pauseMs(image));
    const isSleepBegun = image !== undefined && !image.isRetired && this.#sleepOn(image, pauseMs);
    await (isSleepBegun ? this.#alarm.rung() : this.#alarm.wait(pauseMs));
    if (image !== undefined && image === this.#image && image.ticks !== this.#ticks && !image.isRetired) {
      this.#ticks = image.ticks;
      this.#aliveMs = this.#clock();
      if (this.#hasWriter) return;
    }
    this.#isUnseen = true;
  }

  ring(): void {
    this.#alarm.ring();
  }

  close(): void {
    this.#image = undefined;
    this.#opened.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Rings when the image ticks or the time is over: no timer is needed. False while an earlier sleep, from which somebody rang, lasts. */
  #sleepOn(image: ImageReader, limitMs: number): boolean {
    if (this.#sleptOn === image) return false;
    this.#sleptOn = image;
    void this.#opened.tickAfter(this.#ticks, limitMs).finally(() => {
      if (this.#sleptOn !== image) return;
      this.#sleptOn = undefined;
      this.#alarm.ring();
    });
    return true;
  }

  /** Until name, lock and heartbeat are worth a look. */
  #pauseMs(image: ImageReader | undefined): number {
    if (image === undefined || !this.isLive()) return absentPauseMs;
    const silentMs = this.#aliveMs + silenceMs(image) - this.#clock();
    return Math.max(1, Math.min(longestPauseMs, lateIntervals * image.intervalMs, silentMs));
  }

  #look(): void {
    this.#isUnseen = false;
    const before = this.#image;
    try {
      const seen = this.#opened.look();
      this.#image = seen?.image;
      this.#hasWriter = seen?.hasWriter === true;
      this.#logged = "";
    } catch (error) {
      if (!(error instanceof PosixError || error instanceof UnsuitableObjectError)) throw error;
      this.#image = undefined;
      if (this.#logged !== error.message) this.#log("error", `cannot make documents: ${error.message}`);
      this.#logged = error.message;
    }
    if (this.#image === undefined) return;
    if (this.#image !== before) this.#ticks = this.#image.ticks;
    const { heartbeatNs } = this.#image;
    if (this.#image === before && heartbeatNs === this.#beatNs) return;
    this.#beatNs = heartbeatNs;
    // A heartbeat that is seen for the first time may be an old one: then only the wall clock tells how old.
    const ageMs = Math.max(0, Number(this.#wallClock() - heartbeatNs) / 1e6);
    this.#aliveMs = this.#image === before ? Math.max(this.#aliveMs, this.#clock() - ageMs) : this.#clock() - ageMs;
  }
}

function silenceMs({ intervalMs }: ImageReader): number {
  return Math.max(leastSilenceMs, Math.min(longestSilenceMs, silentIntervals * intervalMs));
}
