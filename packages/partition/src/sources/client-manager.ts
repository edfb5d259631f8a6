// What the managers of both protocols have in common: a list of clients, started, read periodically, changed, stopped.

import type { Log } from "@cpc-partition/process/log";
import type { ServerClient } from "./server-client.ts";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { DocumentSettings } from "@cpc-partition/documents/document-form";
import type { DocumentSegment } from "@cpc-partition/documents/document-segment";
import type { Guard } from "@cpc-partition/documents/guard";
import { guardedTargets } from "@cpc-partition/documents/guarded-targets";
import type { DocumentTarget } from "@cpc-partition/documents/publisher";
import { privateImage, type ImageProvider } from "./image-generations.ts";
import { KeyBook } from "./key-book.ts";
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

export abstract class ClientManager<Server extends object, Client extends ServerClient> {
  protected abstract readonly service: ServiceName;
  protected readonly log: Log;
  readonly #keys: KeyBook;
  /** By configuration, so that a server whose configuration did not change keeps its client. */
  #clients: ReadonlyMap<string, Client> = new Map();
  #started = new Map<ServerClient, Promise<void>>();
  #stop = new AbortController();
  #reading: PeriodicRead | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** Given while `periodicRead` was still preparing. */
  #lateTargets: readonly DocumentTarget[] | undefined;

  /** `namesFile`: where the names that servers tell are remembered; without it for as long as this manager lives. */
  constructor(options: ManagerOptions = {}, namesFile?: string) {
    this.log = options.log ?? (() => {});
    this.#keys = new KeyBook(this.log, namesFile);
  }

  /** The clients in configuration order. */
  get clients(): readonly Client[] {
    return [...this.#clients.values()];
  }

  protected abstract createClient(server: Server): Client;

  /**
   * Makes the clients of these servers. While `periodicRead` runs, servers with an unchanged configuration go on undisturbed, the
   * others are disconnected, and new ones connected.
   */
  protected setServers(servers: readonly Server[]): void {
    const before = this.#clients;
    this.#clients = new Map(
      servers.map((server) => {
        const identity = identityOf(server);
        return [identity, before.get(identity) ?? this.createClient(server)];
      }),
    );
    this.#reading?.setClients(this.clients);
  }

  /** Begins to connect every client and returns at once: a server that is down delays nobody. */
  startClients(): void {
    for (const client of this.#clients.values()) {
      const attempt = client.connect(this.#stop.signal);
      attempt.catch(() => {}); // told by the loop that takes the attempt over
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
    const signals = settings.signal === undefined ? [this.#stop.signal] : [this.#stop.signal, settings.signal];
    const options = {
      service: this.service,
      clients: this.clients,
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
    const clients = this.#clients;
    const reading = await PeriodicRead.create(options);
    if (stop.aborted) reading.stop();
    else stop.addEventListener("abort", () => reading.stop(), { once: true });
    const ended = reading.run();
    this.#reading = reading;
    // What was changed while the image was made.
    if (this.#lateTargets !== undefined) reading.setTargets(this.#lateTargets);
    if (this.#clients !== clients) reading.setClients(this.clients);
    try {
      await ended;
    } finally {
      this.#reading = undefined;
    }
    await Promise.all([...options.started.keys()].map((client) => client.disconnect()));
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
    await Promise.all([...this.#started.keys()].map((client) => client.disconnect()));
    this.#started = new Map();
    this.#stop = new AbortController();
  }
}

/** Everything that is configured about a server; where it stands in its file is not part of it. */
function identityOf(server: object): string {
  return JSON.stringify(server, (key, value: unknown) => (key === "location" ? undefined : value));
}
