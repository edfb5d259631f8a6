// The acquisition of one service: a loop for each source, one clock, one image. The set of sources may change while it runs: those that stay
// the same object go on undisturbed.

import type { Log } from "@cpc-partition/process/log";
import { Grid, Grids, monotonicMs } from "@cpc-partition/process/schedule";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ServerBlock } from "@cpc-partition/image/server-block";
import { ConnectionLoop, type LoopContext } from "./connection-loop.ts";
import { ImageClock } from "./image-clock.ts";
import { ImageGenerations, type ImageProvider } from "./image-generations.ts";
import type { KeyBook } from "./key-book.ts";
import { PollsInFlight } from "./polls-in-flight.ts";
import type { Session, Source } from "./source.ts";

/**
 * Ticks of the image come this much after the instant of the polls. Timers count whole milliseconds, so one set for the same instant may
 * fire a little before the others: a document from between would have the values of the tick before.
 */
const headStartMs = 2;

export function headStartOf(intervalMs: number): number {
  return Math.min(headStartMs, intervalMs / 4);
}

export interface AcquisitionOptions {
  readonly service: ServiceName;
  /** `header.service` of the image; absent: the one of the service. */
  readonly serviceCode?: number;
  /** All that the partition runs; absent: readers of the image are not told. */
  readonly partitionServices?: readonly ServiceName[];
  readonly sources: readonly Source[];
  readonly intervalMs: number;
  readonly image: ImageProvider;
  readonly keys: KeyBook;
  readonly log: Log;
  /** First attempts to connect that are under way already. */
  readonly started?: ReadonlyMap<Source, Promise<Session>>;
  /** Absent: all servers are read in this thread. */
  readonly others?: OtherThreads;
  /** Called at every tick of the image. */
  readonly ticked?: () => void;
  /** Awaited after the last tick, before the image is retired. */
  readonly lastTick?: () => Promise<void>;
}

/** What the acquisition asks of a server's loop. */
export type ServerLoop = Pick<ConnectionLoop, "run" | "stop" | "renewed">;

/** Threads that read servers of this image too, and hand over what they have read. */
export interface OtherThreads {
  /** Undefined: the server is read here. */
  loopOf(source: Source, block: ServerBlock, context: LoopContext): ServerLoop | undefined;
  /** As of `PollsInFlight`. */
  ofTick(instantMs: number): Promise<void>;
  /** How long ago each of them was known to run: the longest time. */
  beatAgeMs(): number;
  /** How many there are by now. */
  readonly count: number;
}

export class Acquisition {
  readonly #options: AcquisitionOptions;
  readonly #grids: Grids;
  readonly #generations: ImageGenerations;
  readonly #pollsInFlight: PollsInFlight;
  readonly #clock: ImageClock;
  #sources: ReadonlySet<Source>;
  readonly #loops = new Map<Source, ServerLoop>();
  readonly #ended = new Set<Promise<void>>();
  #isStopped = false;

  static async create(options: AcquisitionOptions): Promise<Acquisition> {
    const { service, serviceCode, partitionServices = [], intervalMs, sources, image, log, keys } = options;
    const head = { service, partitionServices, intervalMs, ...(serviceCode === undefined ? {} : { serviceCode }) };
    return new Acquisition(options, await ImageGenerations.create(head, sources, image, log, keys));
  }

  private constructor(options: AcquisitionOptions, generations: ImageGenerations) {
    this.#options = options;
    const { others } = options;
    this.#sources = new Set(options.sources);
    this.#grids = new Grids(monotonicMs(), options.intervalMs);
    this.#generations = generations;
    const ownHeadStartMs = headStartOf(options.intervalMs);
    this.#pollsInFlight = new PollsInFlight(monotonicMs, options.intervalMs, ownHeadStartMs);
    this.#clock = new ImageClock(generations, {
      grid: new Grid(this.#grids.startMs + ownHeadStartMs, options.intervalMs),
      clock: monotonicMs,
      pollsInFlight: others === undefined ? this.#pollsInFlight : both(this.#pollsInFlight, others),
      ...(others === undefined ? {} : { beatAgeMs: () => others.beatAgeMs() }),
      renewed: () => {
        for (const loop of this.#loops.values()) loop.renewed();
        this.#startLoops();
      },
      ticked: () => options.ticked?.(),
    });
  }

  /** The image as it is now. */
  get reader(): ImageReader {
    return this.#generations.reader;
  }

  /** Ends after `stop`, with every connection shown as closed, and really closed. */
  async run(): Promise<void> {
    this.#startLoops();
    await this.#clock.run();
    await this.#options.lastTick?.();
    this.#generations.image.retire();
    await Promise.all(this.#ended);
    await this.#options.keys.written();
  }

  /** Sources that are not in the list any more are disconnected, new ones are connected as soon as they have a place in the image. */
  setSources(sources: readonly Source[]): void {
    this.#sources = new Set(sources);
    for (const [source, loop] of this.#loops) {
      if (this.#sources.has(source)) continue;
      loop.stop();
      this.#loops.delete(source);
    }
    this.#generations.setSources(sources);
    void this.#clock.request();
  }

  /** Somebody removed the name of the process image: it comes back as a new generation. */
  imageLost(): void {
    this.#generations.imageLost();
    void this.#clock.request();
  }

  stop(): void {
    this.#isStopped = true;
    for (const loop of this.#loops.values()) loop.stop();
    this.#clock.stop();
  }

  #startLoops(): void {
    if (this.#isStopped) return;
    const { started, log, others } = this.#options;
    for (const [source, block] of this.#generations.blocks) {
      // A generation may show sources that left while it was made.
      if (this.#loops.has(source) || !this.#sources.has(source)) continue;
      const context = {
        gridOf: (ownMs: number | undefined) => this.#grids.of(ownMs),
        clock: monotonicMs,
        pollsInFlight: this.#pollsInFlight,
        log,
        changed: () => this.#clock.request(),
      };
      const loop =
        others?.loopOf(source, block, context) ?? new ConnectionLoop(source, block, context, started?.get(source));
      this.#loops.set(source, loop);
      const ended = loop.run();
      this.#ended.add(ended);
      void ended.then(() => this.#ended.delete(ended));
    }
    this.#generations.image.set("threads", BigInt(1 + (others?.count ?? 0)));
  }
}

function both(own: PollsInFlight, others: OtherThreads): Pick<PollsInFlight, "ofTick"> {
  return {
    ofTick: async (instantMs) => {
      await Promise.all([own.ofTick(instantMs), others.ofTick(instantMs)]);
    },
  };
}
