// Publishing one document into one consumer's segment under its guard. What goes wrong is counted always and told once for each
// episode: a consumer that misbehaves every second must not fill the log.

import type { Log } from "../logging/log.ts";
import type { DocumentSegment } from "../shared-memory/document-segment.ts";
import type { Guard, GuardOutcome } from "../shared-memory/guard.ts";
import type { DocumentTarget } from "./publisher.ts";

/** Throws a RangeError when the lists have different lengths. */
export function guardedTargets(
  segments: readonly DocumentSegment[],
  guards: readonly Guard[],
  log: Log,
): readonly GuardedTarget[] {
  if (segments.length !== guards.length) {
    throw new RangeError(`${segments.length} segments need as many semaphores, not ${guards.length}`);
  }
  return segments.map((segment, index) => new GuardedTarget(segment, guards[index] as Guard, log));
}

type Trouble = "none" | Exclude<GuardOutcome["kind"], "Done">;

export class GuardedTarget implements DocumentTarget {
  readonly #segment: DocumentSegment;
  readonly #guard: Guard;
  readonly #log: Log;
  #trouble: Trouble = "none";

  constructor(segment: DocumentSegment, guard: Guard, log: Log) {
    this.#segment = segment;
    this.#guard = guard;
    this.#log = log;
  }

  get capacityBytes(): number {
    return this.#segment.sizeBytes;
  }

  async publish(document: Uint8Array): Promise<GuardOutcome["kind"]> {
    this.#segment.stage(document);
    const outcome = await this.#guard.run(() => this.#segment.writeStaged());
    this.#tell(outcome);
    return outcome.kind;
  }

  #tell(outcome: GuardOutcome): void {
    const fields = { segment: this.#segment.name, semaphore: this.#guard.name, ...this.#guard.counters };
    if (outcome.kind === "Done") {
      if (this.#trouble !== "none") this.#log("info", "publishing again as it should", fields);
      this.#trouble = "none";
      return;
    }
    // A skip is followed by a seizure when it lasts: that one is worth a line, a single skip is not.
    const isNew = outcome.kind !== this.#trouble && outcome.kind !== "Skipped" && this.#trouble !== "Seized";
    if (outcome.kind !== "Skipped" || this.#trouble === "none") this.#trouble = outcome.kind;
    if (!isNew) return;
    if (outcome.kind === "Failed") {
      this.#log("error", `cannot publish: ${messageOf(outcome.error)}`, fields);
    } else {
      const why =
        outcome.cause === undefined
          ? "a consumer holds the semaphore and does not give it back"
          : messageOf(outcome.cause);
      this.#log("warn", `published without the guard: ${why}`, fields);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
