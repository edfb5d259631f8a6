// The documents of a service: at every tick of its image one document, rendered from the image, into every consumer's segment. Whoever fills
// the image says when a tick is (packages/partition/src/sources/image-clock.ts); no consumer delays a document beyond the guard's bound.

import type { ImageReader } from "@cpc-partition/image/image-reader";
import type { Log } from "@cpc-partition/process/log";
import type { MonotonicClock } from "@cpc-partition/process/schedule";
import type { DocumentFigures } from "./document-figures.ts";
import type { DocumentForm } from "./document-form.ts";
import { DocumentRenderer, type RenderedDocument } from "./document-renderer.ts";
import { EntryTypes } from "./entry-types.ts";
import type { GuardOutcome } from "./guard.ts";

/** One consumer's segment together with the semaphore that guards it. */
export interface DocumentTarget {
  readonly capacityBytes: number;
  /** A promise only when its guard has to be waited for. */
  publish(document: Uint8Array): GuardOutcome["kind"] | Promise<GuardOutcome["kind"]>;
}

/** The image that documents are made of. */
export interface DocumentSource {
  /** As it is now: another reader for another generation, undefined when there is none. Readers from before are not looked at again. */
  image(): ImageReader | undefined;
  /** Somebody keeps it up to date. */
  isLive(): boolean;
  /** Resolves when one of these may have changed or the image ticked, when the time is over, or when it is rung. */
  change(limitMs: number): Promise<void>;
  /** Ends the present `change`, or the next. */
  ring(): void;
}

const warnShare = 0.9;
/** A document that a slow consumer missed must not wait for the whole of a long interval. */
const incompleteAgainMs = 1000;
/** How long a consumer may still hold its guard when the last document comes. */
const farewellPauseMs = 200;

export interface PublisherContext {
  readonly form: DocumentForm;
  readonly clock: MonotonicClock;
  readonly log: Log;
  readonly figures: DocumentFigures;
  /** Called before each document. */
  readonly due?: () => void;
  /** Called with each new generation, before the first document of it: the moment to call `setTargets`. */
  readonly renewed?: (image: ImageReader) => void;
}

export class Publisher {
  readonly #source: DocumentSource;
  readonly #context: PublisherContext;
  #targets: readonly DocumentTarget[];
  readonly #types = new EntryTypes((key) => this.#logType(key));
  /** What the last document was made of. */
  #image: ImageReader | undefined;
  #isLive = false;
  #ticks: number | undefined;
  #isRequested = false;
  /** Of the last image that there was: it also says that the connections are closed when there is none any more. */
  #renderer: DocumentRenderer | undefined;
  #isStopped = false;
  /** What the log knows about the document's size. */
  #logged: "nothing" | "nearly full" | "does not fit" = "nothing";

  constructor(source: DocumentSource, targets: readonly DocumentTarget[], context: PublisherContext) {
    this.#source = source;
    this.#targets = targets;
    this.#context = context;
  }

  /** A document soon, without waiting for the tick. */
  request(): void {
    this.#isRequested = true;
    this.#source.ring();
  }

  /** From the next document on. */
  setTargets(targets: readonly DocumentTarget[]): void {
    this.#targets = targets;
    this.#logged = "nothing";
  }

  /** Ends after `stop`, with a last document that shows every connection as closed. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const isIncomplete = await this.#publish();
      await this.#untilDue(isIncomplete);
    }
    // The last document goes to everybody: a consumer that was skipped once is not skipped again.
    if (!(await this.#publish())) return;
    await new Promise((resolve) => setTimeout(resolve, farewellPauseMs));
    await this.#publish();
  }

  stop(): void {
    this.#isStopped = true;
    this.#source.ring();
  }

  async #untilDue(isIncomplete: boolean): Promise<void> {
    const { clock } = this.#context;
    const againMs = isIncomplete ? clock() + incompleteAgainMs : Infinity;
    while (!this.#isStopped && !this.#isRequested && clock() < againMs && !this.#hasNews())
      await this.#source.change(againMs - clock());
    this.#isRequested = false;
  }

  #hasNews(): boolean {
    const image = this.#source.image();
    return image !== this.#image || image?.ticks !== this.#ticks || this.#source.isLive() !== this.#isLive;
  }

  /** True when a consumer did not get the document, because its guard was held. */
  async #publish(): Promise<boolean> {
    const { figures, due } = this.#context;
    due?.();
    this.#look();
    if (this.#targets.length === 0 || this.#renderer === undefined) return false;
    const capacityBytes = Math.min(...this.#targets.map((target) => target.capacityBytes));
    const document = this.#renderer.render(capacityBytes, this.#isLive && !this.#isStopped);
    this.#account(document, capacityBytes);
    // All at the same time: no consumer waits for another's guard.
    const begun = this.#targets.map((target) => target.publish(document.bytes));
    let isIncomplete = false;
    for (const each of begun) {
      const outcome = each instanceof Promise ? await each : each;
      if (outcome === "Skipped" || outcome === "Seized") figures.count("guardTimeouts");
      if (outcome === "Seized") figures.count("guardSeizures");
      isIncomplete ||= outcome === "Skipped";
    }
    figures.count("documents");
    return isIncomplete;
  }

  #look(): void {
    const before = this.#image;
    this.#image = this.#source.image();
    this.#isLive = this.#source.isLive();
    this.#ticks = this.#image?.ticks;
    if (this.#image === undefined || this.#image === before) return;
    this.#renderer = new DocumentRenderer(this.#image, this.#context.form, this.#types);
    this.#context.renewed?.(this.#image);
  }

  #logType(key: string): void {
    const reason =
      "its value has another type than the first one had, which consumers cannot be given under the same key";
    const advice = "the process image has it; restart the partition to begin with the new type";
    this.#context.log("warn", `the entry "${key}" is left out of the document because ${reason}: ${advice}`, { key });
  }

  #account({ neededBytes, omitted, missingEntries }: RenderedDocument, capacityBytes: number): void {
    const { figures, log } = this.#context;
    figures.set("documentBytes", BigInt(neededBytes));
    figures.set("documentCapacityBytes", BigInt(capacityBytes));
    figures.set("documentEntriesMissing", BigInt(missingEntries));
    const fields = { neededBytes, capacityBytes, missingEntries };
    if (omitted !== "nothing" && this.#logged !== "does not fit") {
      this.#logged = "does not fit";
      const gone = missingEntries === 0 ? "descriptions are left out" : `${missingEntries} entries are left out`;
      log("error", `the document needs ${neededBytes} bytes, the segment has ${capacityBytes}: ${gone}`, fields);
    } else if (omitted === "nothing" && neededBytes > warnShare * capacityBytes && this.#logged === "nothing") {
      this.#logged = "nearly full";
      const advice = `give it at least ${Math.ceil(neededBytes / warnShare)} bytes with --segment-size`;
      log("warn", `the document takes ${neededBytes} of the segment's ${capacityBytes} bytes: ${advice}`, fields);
    }
  }
}
