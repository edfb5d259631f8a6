// What the managers' `periodicRead` does: acquisition, and documents made of its image in the same process, where the caller has segments
// for them.

import { Alarm, monotonicMs } from "@cpc-partition/process/schedule";
import { noFigures } from "@cpc-partition/documents/document-figures";
import { documentForm, type DocumentSettings } from "@cpc-partition/documents/document-form";
import { Publisher, type DocumentTarget } from "@cpc-partition/documents/publisher";
import { Acquisition, type AcquisitionOptions } from "../sources/acquisition.ts";
import type { Source } from "../sources/source.ts";

export interface PeriodicReadOptions extends Omit<AcquisitionOptions, "ticked" | "lastTick"> {
  /** None: no documents are made in this process. */
  readonly targets: readonly DocumentTarget[];
  readonly document?: DocumentSettings | undefined;
}

export class PeriodicRead {
  readonly #options: PeriodicReadOptions;
  readonly #acquisition: Acquisition;
  /** Rings at every tick of the image. */
  readonly #ticks: Alarm;
  #publisher: Publisher | undefined;
  #published: Promise<void> = Promise.resolve();

  static async create(options: PeriodicReadOptions): Promise<PeriodicRead> {
    const ticks = new Alarm();
    let reading: PeriodicRead | undefined;
    const acquisition = await Acquisition.create({
      ...options,
      ticked: () => ticks.ring(),
      lastTick: async () => await reading?.endDocuments(),
    });
    reading = new PeriodicRead(options, acquisition, ticks);
    return reading;
  }

  private constructor(options: PeriodicReadOptions, acquisition: Acquisition, ticks: Alarm) {
    this.#options = options;
    this.#acquisition = acquisition;
    this.#ticks = ticks;
  }

  /** Ends after `stop`, with every connection shown as closed in a last document, and really closed. */
  async run(): Promise<void> {
    if (this.#options.targets.length > 0) this.setTargets(this.#options.targets);
    await this.#acquisition.run();
  }

  setSources(sources: readonly Source[]): void {
    this.#acquisition.setSources(sources);
  }

  /** Other segments to publish to, from the next document on. */
  setTargets(targets: readonly DocumentTarget[]): void {
    if (this.#publisher === undefined) {
      const { service, document, log } = this.#options;
      const source = {
        image: () => this.#acquisition.reader,
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

  imageLost(): void {
    this.#acquisition.imageLost();
  }

  stop(): void {
    this.#acquisition.stop();
  }

  private async endDocuments(): Promise<void> {
    this.#publisher?.stop();
    await this.#published;
  }
}
