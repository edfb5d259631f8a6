// What the managers of both protocols have in common: a list of clients, started, read periodically, stopped.

import type { Log } from "../logging/log.ts";
import type { ServerClient } from "../point/server-client.ts";
import type { ServiceName } from "../point/service-name.ts";
import { privateImage, type ImageProvider } from "./image-generations.ts";
import { periodicRead } from "./periodic-read.ts";
import { guardedTargets } from "./guarded-targets.ts";
import type { DocumentSegment } from "../shared-memory/document-segment.ts";
import type { Guard } from "../shared-memory/guard.ts";

export interface ManagerOptions {
  readonly log?: Log;
}

export interface PeriodicReadSettings {
  /** Ends `periodicRead`; `stopClients` does the same. */
  readonly signal?: AbortSignal;
  /** Where the process image lives; by default in memory of this process alone. */
  readonly image?: ImageProvider;
}

export abstract class ClientManager<Client extends ServerClient> {
  protected abstract readonly service: ServiceName;
  protected readonly log: Log;
  #clients: readonly Client[] = [];
  #started = new Map<ServerClient, Promise<void>>();
  #stop = new AbortController();
  #reading: Promise<void> | undefined;

  constructor(options: ManagerOptions = {}) {
    this.log = options.log ?? (() => {});
  }

  /** The clients in configuration order. */
  get clients(): readonly Client[] {
    return this.#clients;
  }

  protected setClients(clients: readonly Client[]): void {
    this.#clients = clients;
  }

  /** Begins to connect every client and returns at once: a server that is down delays nobody. */
  startClients(): void {
    for (const client of this.#clients) {
      const attempt = client.connect(this.#stop.signal);
      attempt.catch(() => {}); // told by the loop that takes the attempt over
      this.#started.set(client, attempt);
    }
  }

  /**
   * Polls every client and publishes one document every `intervalSeconds` into each segment of `shmList`, each guarded by
   * the semaphore at the same place of `semaphoreList`. Resolves after `stopClients` (or the signal), when the last document,
   * with every connection `false`, is written and all connections are closed.
   */
  async periodicRead(
    intervalSeconds: number,
    shmList: readonly DocumentSegment[],
    semaphoreList: readonly Guard[],
    settings: PeriodicReadSettings = {},
  ): Promise<void> {
    const targets = guardedTargets(shmList, semaphoreList, this.log);
    const started = this.#started;
    this.#started = new Map();
    this.#reading = periodicRead({
      service: this.service,
      clients: this.#clients,
      intervalMs: intervalSeconds * 1000,
      targets,
      image: settings.image ?? privateImage,
      log: this.log,
      signal: settings.signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, settings.signal]),
      started,
    });
    await this.#reading;
  }

  /** Ends `periodicRead` and closes every connection. */
  async stopClients(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
    await Promise.all([...this.#started.keys()].map((client) => client.disconnect()));
    this.#started = new Map();
    this.#stop = new AbortController();
  }
}
