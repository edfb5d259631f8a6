// What the managers' `periodicRead` does: a loop for each server, one publish clock, one image. The set of servers may change while
// it runs: those that stay the same object go on undisturbed.

import type { Log } from "@cpc-partition/process/log";
import type { ServerClient } from "./server-client.ts";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { documentForm, type DocumentSettings } from "@cpc-partition/documents/document-form";
import { ImageGenerations, type ImageProvider } from "./image-generations.ts";
import type { KeyBook } from "./key-book.ts";
import { PollsInFlight } from "./polls-in-flight.ts";
import { Publisher, type DocumentTarget } from "./publisher.ts";
import { Grid, monotonicMs } from "./schedule.ts";
import { ServerLoop } from "./server-loop.ts";

/**
 * Documents come this much after the instant of the polls. Timers count whole milliseconds, so one set for the same instant may fire a
 * little before the others: a document from between would have the values of the tick before.
 */
const headStartMs = 2;

export interface PeriodicReadOptions {
  readonly service: ServiceName;
  readonly clients: readonly ServerClient[];
  readonly intervalMs: number;
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
  readonly #pollsInFlight: PollsInFlight;
  readonly #generations: ImageGenerations;
  readonly #publisher: Publisher;
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
    this.#publisher = new Publisher(generations, options.targets, {
      form: documentForm(options.service, options.document),
      grid: new Grid(this.#grid.startMs + ownHeadStartMs, options.intervalMs),
      clock: monotonicMs,
      pollsInFlight: this.#pollsInFlight,
      log: options.log,
      renewed: () => {
        for (const loop of this.#loops.values()) loop.roomMade();
        this.#startLoops();
      },
    });
  }

  /** Ends after `stop`, with every connection shown as closed in a last document, and really closed. */
  async run(): Promise<void> {
    this.#startLoops();
    await this.#publisher.run();
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
    this.#publisher.request();
  }

  /** Other segments to publish to, from the next document on. */
  setTargets(targets: readonly DocumentTarget[]): void {
    this.#publisher.setTargets(targets);
  }

  objectsLost(restored: number, isImageLost: boolean): void {
    this.#generations.image.count("objectsRestored", BigInt(restored + Number(isImageLost)));
    if (isImageLost) this.#generations.wantNew();
    this.#publisher.request();
  }

  stop(): void {
    this.#isStopped = true;
    for (const loop of this.#loops.values()) loop.stop();
    this.#publisher.stop();
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
          changed: () => this.#publisher.request(),
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
