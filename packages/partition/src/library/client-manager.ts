// What the managers of both protocols have in common: a list of clients, started, read periodically, changed, stopped.

import type { Log } from "@cpc-partition/process/log";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { DocumentSettings } from "@cpc-partition/documents/document-form";
import type { DocumentSegment } from "@cpc-partition/documents/document-segment";
import type { Guard } from "@cpc-partition/documents/guard";
import { guardedTargets } from "@cpc-partition/documents/guarded-targets";
import type { DocumentTarget } from "@cpc-partition/documents/publisher";
import { privateImage, type ImageProvider } from "../sources/image-generations.ts";
import { KeyBook } from "../sources/key-book.ts";
import type { Session, Source } from "../sources/source.ts";
import { SourceList } from "../sources/source-list.ts";
import { PeriodicRead, type PeriodicReadOptions } from "./periodic-read.ts";

export interface ManagerOptions {
  readonly log?: Log;
}

export interface PeriodicReadSettings {
  /** Ends `periodicRead`; `stopClients` does the same. */
  readonly signal?: AbortSignal;
  /** Where the process image lives; by default in memory of this process alone. */
  readonly image?: ImageProvider;
  /** What documents say of values that cannot be read, and of NaN and infinities. */
  readonly document?: DocumentSettings | undefined;
}

export abstract class ClientManager<Server extends object, Client extends Source> {
  protected abstract readonly service: ServiceName;
  protected readonly log: Log;
  readonly #keys: KeyBook;
  readonly #clients = new SourceList((server: Server): Client => this.createClient(server));
  #started = new Map<Source, Promise<Session>>();
  #stop = new AbortController();
  #reading: PeriodicRead | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** Given while `periodicRead` was still preparing, and whether other clients were. */
  #lateTargets: readonly DocumentTarget[] | undefined;
  #areLate = false;

  /** `namesFile`: where the names that servers tell are remembered; without it for as long as this manager lives. */
  constructor(options: ManagerOptions = {}, namesFile?: string) {
    this.log = options.log ?? (() => {});
    this.#keys = new KeyBook(this.log, namesFile);
  }

  /** The clients in configuration order. */
  get clients(): readonly Client[] {
    return this.#clients.sources;
  }

  protected abstract createClient(server: Server): Client;

  /**
   * Makes the clients of these servers. While `periodicRead` runs, servers with an unchanged configuration go on undisturbed, the
   * others are disconnected, and new ones connected.
   */
  protected setServers(servers: readonly Server[]): void {
    const clients = this.#clients.update(servers);
    if (this.#reading === undefined) this.#areLate = true;
    else this.#reading.setSources(clients);
  }

  /** Begins to connect every client and returns at once: a server that is down delays nobody. */
  startClients(): void {
    for (const client of this.clients) {
      const attempt = client.connect(this.#stop.signal);
      attempt.catch(() => {}); // logged by the loop that takes the attempt over
      this.#started.set(client, attempt);
    }
  }

  /**
   * Polls every client and publishes one document every `intervalSeconds` into each segment of `shmList`, each guarded by
   * the semaphore at the same place of `semaphoreList`; with empty lists only the process image is kept. Resolves after `stopClients` (or the signal), when the last document,
   * with every connection `false`, is written and all connections are closed.
   */
  async periodicRead(
    intervalSeconds: number,
    shmList: readonly DocumentSegment[],
    semaphoreList: readonly Guard[],
    settings: PeriodicReadSettings = {},
  ): Promise<void> {
    const started = this.#started;
    this.#started = new Map();
    this.#lateTargets = undefined;
    this.#areLate = false;
    const signals = settings.signal === undefined ? [this.#stop.signal] : [this.#stop.signal, settings.signal];
    const options = {
      service: this.service,
      sources: this.clients,
      intervalMs: intervalSeconds * 1000,
      targets: guardedTargets(shmList, semaphoreList, this.log),
      image: settings.image ?? privateImage,
      document: settings.document,
      started,
      keys: this.#keys,
      log: this.log,
    };
    this.#ended = this.#read(options, AbortSignal.any(signals));
    await this.#ended;
  }

  async #read(options: PeriodicReadOptions, stop: AbortSignal): Promise<void> {
    const reading = await PeriodicRead.create(options);
    if (stop.aborted) reading.stop();
    else stop.addEventListener("abort", () => reading.stop(), { once: true });
    const ended = reading.run();
    this.#reading = reading;
    // What was changed while the image was made.
    if (this.#lateTargets !== undefined) reading.setTargets(this.#lateTargets);
    if (this.#areLate) reading.setSources(this.clients);
    try {
      await ended;
    } finally {
      this.#reading = undefined;
    }
    await closeAll(options.started);
  }

  /** While `periodicRead` runs: publishes to these segments from the next document on. */
  setTargets(shmList: readonly DocumentSegment[], semaphoreList: readonly Guard[]): void {
    const targets = guardedTargets(shmList, semaphoreList, this.log);
    if (this.#reading === undefined) this.#lateTargets = targets;
    else this.#reading.setTargets(targets);
  }

  /** While `periodicRead` runs: makes the process image anew, because it lost its name. */
  imageLost(): void {
    this.#reading?.imageLost();
  }

  /** Ends `periodicRead` and closes every connection. */
  async stopClients(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await closeAll(this.#started);
    this.#started = new Map();
    this.#stop = new AbortController();
  }
}

/** Closes what became of attempts to connect, whoever took them over. */
async function closeAll(started: ReadonlyMap<Source, Promise<Session>> = new Map()): Promise<void> {
  const closed = Array.from(started.values(), async (attempt) => await (await attempt).close());
  await Promise.allSettled(closed);
}
