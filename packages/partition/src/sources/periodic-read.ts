// What the managers' `periodicRead` does: a loop for each server, one clock, one image, and documents made of the image where the caller
// has segments for them. The set of servers may change while it runs: those that stay the same object go on undisturbed.

import type { Log } from "@cpc-partition/process/log";
import { Alarm, Grid, monotonicMs } from "@cpc-partition/process/schedule";
import type { ServerClient } from "./server-client.ts";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { noFigures } from "@cpc-partition/documents/document-figures";
import { documentForm, type DocumentSettings } from "@cpc-partition/documents/document-form";
import { Publisher, type DocumentTarget } from "@cpc-partition/documents/publisher";
import { ImageClock } from "./image-clock.ts";
import { ImageGenerations, type ImageProvider } from "./image-generations.ts";
import type { KeyBook } from "./key-book.ts";
import { PollsInFlight } from "./polls-in-flight.ts";
import { ServerLoop } from "./server-loop.ts";

/**
 * Ticks of the image come this much after the instant of the polls. Timers count whole milliseconds, so one set for the same instant may
 * fire a little before the others: a document from between would have the values of the tick before.
 */
const headStartMs = 2;

export interface PeriodicReadOptions {
  readonly service: ServiceName;
  readonly clients: readonly ServerClient[];
  readonly intervalMs: number;
  /** None: no documents are made in this process. */
  readonly targets: readonly DocumentTarget[];
  readonly image: ImageProvider;
  readonly document?: DocumentSettings | undefined;
  /** First connection attempts already under way. */
  readonly started: ReadonlyMap<ServerClient, Promise<void>>;
  readonly keys: KeyBook;
  readonly log: Log;
}

export class PeriodicRead {
  readonly #options: PeriodicReadOptions;
  readonly #grid: Grid;
  readonly #generations: ImageGenerations;
  readonly #pollsInFlight: PollsInFlight;
  readonly #clock: ImageClock;
  /** Rings at every tick of the image. */
  readonly #ticks = new Alarm();
  #publisher: Publisher | undefined;
  #published: Promise<void> = Promise.resolve();
  #clients: ReadonlySet<ServerClient>;
  #loops = new Map<ServerClient, ServerLoop>();
  readonly #ended = new Set<Promise<void>>();
  #isStopped = false;

  static async create(options: PeriodicReadOptions): Promise<PeriodicRead> {
    const head = { service: options.service, intervalMs: options.intervalMs };
    const { clients, image, log, keys } = options;
    return new PeriodicRead(options, await ImageGenerations.create(head, clients, image, log, keys));
  }

  private constructor(options: PeriodicReadOptions, generations: ImageGenerations) {
    this.#options = options;
    this.#clients = new Set(options.clients);
    this.#grid = new Grid(monotonicMs(), options.intervalMs);
    this.#generations = generations;
    const ownHeadStartMs = Math.min(headStartMs, options.intervalMs / 4);
    this.#pollsInFlight = new PollsInFlight(monotonicMs, options.intervalMs, ownHeadStartMs);
    this.#clock = new ImageClock(generations, {
      grid: new Grid(this.#grid.startMs + ownHeadStartMs, options.intervalMs),
      clock: monotonicMs,
      pollsInFlight: this.#pollsInFlight,
      renewed: () => {
        for (const loop of this.#loops.values()) loop.roomMade();
        this.#startLoops();
      },
      ticked: () => this.#ticks.ring(),
    });
  }

  /** Ends after `stop`, with every connection shown as closed in a last document, and really closed. */
  async run(): Promise<void> {
    this.#startLoops();
    if (this.#options.targets.length > 0) this.setTargets(this.#options.targets);
    await this.#clock.run();
    this.#publisher?.stop();
    await this.#published;
    this.#generations.image.retire();
    await Promise.all(this.#ended);
    await this.#options.keys.written();
  }

  /** Servers that are not in the list any more are disconnected, new ones are connected as soon as they have a place in the image. */
  setClients(clients: readonly ServerClient[]): void {
    this.#clients = new Set(clients);
    for (const [client, loop] of this.#loops) {
      if (this.#clients.has(client)) continue;
      loop.stop();
      this.#loops.delete(client);
    }
    this.#generations.setClients(clients);
    this.#clock.request();
  }

  /** Other segments to publish to, from the next document on. */
  setTargets(targets: readonly DocumentTarget[]): void {
    if (this.#publisher === undefined) {
      const { service, document, log } = this.#options;
      const source = {
        image: () => this.#generations.reader,
        isLive: () => true,
        change: async (limitMs: number) => void (await this.#ticks.wait(limitMs)),
        ring: () => this.#ticks.ring(),
      };
      const context = { form: documentForm(service, document), clock: monotonicMs, log, figures: noFigures };
      this.#publisher = new Publisher(source, targets, context);
      this.#published = this.#publisher.run();
    } else {
      this.#publisher.setTargets(targets);
      this.#publisher.request();
    }
  }

  /** Somebody removed the name of the process image: it comes back as a new generation. */
  imageLost(): void {
    this.#generations.image.count("objectsRestored");
    this.#generations.wantNew();
    this.#clock.request();
  }

  stop(): void {
    this.#isStopped = true;
    for (const loop of this.#loops.values()) loop.stop();
    this.#clock.stop();
  }

  #startLoops(): void {
    if (this.#isStopped) return;
    const { intervalMs, started, log } = this.#options;
    for (const [client, block] of this.#generations.blocks) {
      // A generation may show servers that left while it was made.
      if (this.#loops.has(client) || !this.#clients.has(client)) continue;
      const loop = new ServerLoop(
        client,
        block,
        {
          grid: new Grid(this.#grid.startMs, client.intervalMs ?? intervalMs),
          clock: monotonicMs,
          pollsInFlight: this.#pollsInFlight,
          log,
          changed: () => this.#clock.request(),
        },
        started.get(client),
      );
      this.#loops.set(client, loop);
      const ended = loop.run();
      this.#ended.add(ended);
      void ended.then(() => this.#ended.delete(ended));
    }
  }
}
