// The documents of one service: its image watched, its consumers' objects owned, one document at every tick.

import { consumerPairNames } from "./consumer-names.ts";
import { ConsumerObjects } from "./consumer-objects.ts";
import { documentForm, type DocumentSettings } from "./document-form.ts";
import { DocumentsRecord } from "./documents-record.ts";
import { Publisher } from "./publisher.ts";
import { WatchedImage } from "./watched-image.ts";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { Log } from "@cpc-partition/process/log";
import { monotonicMs } from "@cpc-partition/process/schedule";
import { Troubles } from "@cpc-partition/process/troubles";

export interface DocumentServiceOptions {
  readonly prefix: string;
  /** Each gets a pair of its own; none: one pair with the plain names. */
  readonly consumers: readonly string[];
  /** Size of each segment in bytes; undefined: computed from the image. */
  readonly segmentBytes: number | undefined;
  readonly document: DocumentSettings;
}

/**
 * The consumers' objects are looked at before a document, and by this clock, since a consumer that lost its segment must not wait for a
 * service that publishes once an hour.
 */
const checkMs = 1000;
/** Every look costs some system calls for each object: an interval of a millisecond must not make it the only work. */
const leastCheckMs = 50;
/** The record's heartbeat is to be stored every second: at every second or third look, if there are many. */
const beatMs = 500;

export class DocumentService {
  readonly #log: Log;
  readonly #troubles: Troubles;
  readonly #record: DocumentsRecord;
  readonly #objects: ConsumerObjects;
  readonly #image: WatchedImage;
  readonly #publisher: Publisher;
  readonly #begun = Promise.withResolvers<void>();
  #check: NodeJS.Timeout | undefined;
  #checkedMs = -Infinity;
  #beatMs = -Infinity;

  /** Throws an AnotherWriterError while another process makes these documents, an UnsuitableObjectError or PosixError. */
  constructor(service: ServiceName, options: DocumentServiceOptions, log: Log) {
    const { prefix, consumers, segmentBytes, document } = options;
    this.#log = (level, message, fields) => log(level, message, { service, ...fields });
    this.#troubles = new Troubles(this.#log);
    const names = consumerPairNames(service, consumers, prefix);
    const semaphores = names.map(({ semaphoreName }) => semaphoreName);
    this.#record = new DocumentsRecord(`${prefix}${service}_documents`, semaphores, (reason) =>
      this.#log("warn", `${reason}: removed, a new object takes its name`),
    );
    this.#objects = new ConsumerObjects(names, segmentBytes, this.#record, this.#log);
    this.#image = new WatchedImage(`${prefix}${service}_image`, this.#log);
    this.#publisher = new Publisher(this.#image, [], {
      form: documentForm(service, document),
      clock: monotonicMs,
      log: this.#log,
      figures: this.#record,
      due: () => void this.#checkObjects(leastCheckMs),
      renewed: (image) => this.#renewed(image),
    });
    this.#logDeaths();
  }

  /** Resolves when the consumers' objects were made for the first image. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Ends after `stop`, with every connection shown as closed in a last document. */
  async run(): Promise<void> {
    this.#checkLater();
    await this.#publisher.run();
    clearTimeout(this.#check);
  }

  stop(): void {
    clearTimeout(this.#check);
    this.#publisher.stop();
  }

  /** After `run`. The objects stay for the next run unless they are removed. */
  close(removeObjects: boolean): void {
    const { name } = this.#record;
    this.#record.end();
    if (removeObjects) {
      this.#objects.remove();
      this.#troubles.attempt("remove", name, () => this.#record.remove());
    }
    this.#objects.close();
    this.#troubles.attempt("close", "process image", () => this.#image.close());
    this.#troubles.attempt("close", name, () => this.#record.close());
  }

  #renewed(image: ImageReader): void {
    this.#objects.fit(image);
    this.#publisher.setTargets(this.#objects.targets);
    this.#begun.resolve();
  }

  #checkLater(): void {
    clearTimeout(this.#check);
    this.#check = setTimeout(() => {
      if (this.#checkObjects(checkMs)) this.#publisher.request();
      this.#checkLater();
    }, checkMs);
  }

  /** Unless that was done a moment ago; true when objects were made or put back, which are empty. */
  #checkObjects(momentMs: number): boolean {
    const nowMs = monotonicMs();
    if (nowMs - this.#checkedMs < momentMs) return false;
    this.#checkedMs = nowMs;
    if (nowMs - this.#beatMs >= beatMs) {
      this.#beatMs = nowMs;
      this.#troubles.attempt("lock", this.#record.name, () => this.#record.beat());
    }
    const restored = this.#objects.check();
    if (restored > 0) this.#record.count("objectsRestored", BigInt(restored));
    const image = this.#image.image();
    // What could not be made before may be possible now.
    const isMissing = image !== undefined && this.#objects.targets.length === 0;
    if (isMissing) this.#renewed(image);
    return restored > 0 || (isMissing && this.#objects.targets.length > 0);
  }

  /** Who brought down the process before this one, and what is done about it. */
  #logDeaths(): void {
    const { suspect, unguarded } = this.#record;
    if (suspect !== undefined)
      this.#log(
        "error",
        `the documents process died while it used the semaphore ${suspect}: a consumer that cuts or overwrites /dev/shm/sem.${suspect} ` +
          "causes this; find that program (fuser names it) and stop it",
        { semaphore: suspect, deaths: Number(this.#record.figure("deaths")) },
      );
    for (const semaphore of unguarded)
      this.#log(
        "error",
        `the document guarded by ${semaphore} is written without its guard because using it ended the documents process ` +
          "several times; its consumers may read half a document. Stop the consumer that spoils the semaphore, then restart the partition",
        { semaphore },
      );
  }
}
