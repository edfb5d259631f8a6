// The publish clock of a service: at every tick one document, rendered from the image, into every consumer's segment. It waits a
// moment for polls that began with the tick, but never for a slow server, and never for a consumer beyond the guard's bound.

import type { Log } from "@cpc-partition/process/log";
import type { DocumentForm } from "@cpc-partition/documents/document-form";
import { DocumentRenderer, type RenderedDocument } from "@cpc-partition/documents/document-renderer";
import { EntryTypes } from "@cpc-partition/documents/entry-types";
import type { GuardOutcome } from "@cpc-partition/documents/guard";
import type { ImageGenerations } from "./image-generations.ts";
import type { PollsInFlight } from "./polls-in-flight.ts";
import { Alarm, type Grid, type MonotonicClock } from "./schedule.ts";

/** One consumer's segment together with the semaphore that guards it. */
export interface DocumentTarget {
  readonly capacityBytes: number;
  publish(document: Uint8Array): Promise<GuardOutcome["kind"]>;
}

const warnShare = 0.9;
/** A document that a slow consumer missed, or an image that was refused, must not wait for the whole of a long interval. */
const incompleteAgainMs = 1000;
/** How long a consumer may still hold its guard when the last document comes. */
const farewellPauseMs = 200;

export interface PublisherSurroundings {
  readonly form: DocumentForm;
  readonly grid: Grid;
  readonly clock: MonotonicClock;
  readonly pollsInFlight: PollsInFlight;
  readonly log: Log;
  /** Called when there is a new generation of the image. */
  readonly renewed: () => void;
}

export class Publisher {
  readonly #generations: ImageGenerations;
  #targets: readonly DocumentTarget[];
  readonly #around: PublisherSurroundings;
  readonly #alarm = new Alarm();
  readonly #types = new EntryTypes((key) => this.#tellType(key));
  #renderer: DocumentRenderer;
  #isStopped = false;
  /** What the log has been told about the document's size. */
  #told: "nothing" | "nearly full" | "does not fit" = "nothing";

  constructor(generations: ImageGenerations, targets: readonly DocumentTarget[], around: PublisherSurroundings) {
    this.#generations = generations;
    this.#targets = targets;
    this.#around = around;
    this.#renderer = this.#newRenderer();
  }

  /** A document soon, without waiting for the tick. */
  request(): void {
    this.#alarm.ring();
  }

  setTargets(targets: readonly DocumentTarget[]): void {
    this.#targets = targets;
    this.#told = "nothing";
    this.request();
  }

  /** Ends after `stop`, with a last document. */
  async run(): Promise<void> {
    const { grid, clock, pollsInFlight } = this.#around;
    let tick = grid.after(clock());
    while (!this.#isStopped) {
      const isIncomplete = await this.#publish();
      const restMs = grid.instantMs(tick) - clock();
      const isEarly = isIncomplete && restMs > incompleteAgainMs;
      const wasAsked = await this.#alarm.wait(isEarly ? incompleteAgainMs : restMs);
      if (this.#isStopped) break;
      if (wasAsked || isEarly) continue;
      // The loops wake at the same instant: let them begin before waiting for them.
      await new Promise(setImmediate);
      await pollsInFlight.ofTick(grid.instantMs(tick));
      // A timer may fire a little before its time: the tick it was for is over all the same.
      const next = Math.max(tick + 1, grid.after(clock()));
      if (next > tick + 1) this.#generations.image.count("ticksMissed", BigInt(next - tick - 1));
      tick = next;
    }
    // The last document goes to everybody: a consumer that was skipped once is not skipped again.
    if (!(await this.#publish())) return;
    await new Promise((resolve) => setTimeout(resolve, farewellPauseMs));
    await this.#publish();
  }

  stop(): void {
    this.#isStopped = true;
    this.#alarm.ring();
  }

  /** True when a consumer did not get the document, because its guard was held, or readers not the image, because it was refused. */
  async #publish(): Promise<boolean> {
    const { image } = this.#generations;
    if (await this.#generations.renew()) {
      this.#renderer = this.#newRenderer();
      this.#around.renewed();
    }
    image.beat();
    const { isRefused } = this.#generations;
    if (this.#targets.length === 0) return isRefused;
    const capacityBytes = Math.min(...this.#targets.map((target) => target.capacityBytes));
    const document = this.#renderer.render(capacityBytes);
    this.#account(document, capacityBytes);
    const outcomes = await Promise.all(this.#targets.map((target) => target.publish(document.bytes)));
    for (const outcome of outcomes) {
      if (outcome === "Skipped" || outcome === "Seized") image.count("guardTimeouts");
      if (outcome === "Seized") image.count("guardSeizures");
    }
    image.count("documents");
    return isRefused || outcomes.includes("Skipped");
  }

  #newRenderer(): DocumentRenderer {
    return new DocumentRenderer(this.#generations.reader, this.#around.form, this.#types);
  }

  #tellType(key: string): void {
    const reason =
      "its value has another type than the first one had, which consumers cannot be given under the same key";
    const advice = "the process image has it; restart the partition to begin with the new type";
    this.#around.log("warn", `the entry "${key}" is left out of the document because ${reason}: ${advice}`, { key });
  }

  #account({ neededBytes, omitted, missingEntries }: RenderedDocument, capacityBytes: number): void {
    const { image } = this.#generations;
    image.set("documentBytes", BigInt(neededBytes));
    image.set("documentCapacityBytes", BigInt(capacityBytes));
    image.set("documentEntriesMissing", BigInt(missingEntries));
    const fields = { neededBytes, capacityBytes, missingEntries };
    if (omitted !== "nothing" && this.#told !== "does not fit") {
      this.#told = "does not fit";
      const gone = missingEntries === 0 ? "descriptions are left out" : `${missingEntries} entries are left out`;
      this.#around.log(
        "error",
        `the document needs ${neededBytes} bytes, the segment has ${capacityBytes}: ${gone}`,
        fields,
      );
    } else if (omitted === "nothing" && neededBytes > warnShare * capacityBytes && this.#told === "nothing") {
      this.#told = "nearly full";
      const advice = `give it at least ${Math.ceil(neededBytes / warnShare)} bytes with --segment-size`;
      this.#around.log(
        "warn",
        `the document takes ${neededBytes} of the segment's ${capacityBytes} bytes: ${advice}`,
        fields,
      );
    }
  }
}
