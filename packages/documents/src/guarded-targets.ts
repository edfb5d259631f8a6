// Publishing one document into one consumer's segment under its guard. What goes wrong is always counted, and logged once for each
// episode: a consumer that misbehaves every second must not fill the log.

import type { Log, LogLevel } from "@cpc-partition/process/log";
import type { DocumentSegment } from "./document-segment.ts";
import type { Guard, GuardOutcome } from "./guard.ts";
import { publishGuarded, publishUnguarded } from "./publish-guarded.ts";
import type { DocumentTarget } from "./publisher.ts";
import { monotonicMs } from "@cpc-partition/process/schedule";

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

/** One trouble is logged again after this time, with what was counted meanwhile. */
const logAgainMs = 60 * 60 * 1000;
/** Different troubles of one kind logged in that time: a text with a number in it must not fill the log. */
const mostLogged = 20;

export class GuardedTarget implements DocumentTarget {
  readonly #segment: DocumentSegment;
  readonly #guard: Guard | undefined;
  readonly #log: Log;
  readonly #logged = new Map<string, { readonly kind: GuardOutcome["kind"]; readonly atMs: number }>();

  /** Without a guard every document is written at once. */
  constructor(segment: DocumentSegment, guard: Guard | undefined, log: Log) {
    this.#segment = segment;
    this.#guard = guard;
    this.#log = log;
  }

  get capacityBytes(): number {
    return this.#segment.sizeBytes;
  }

  publish(document: Uint8Array): GuardOutcome["kind"] | Promise<GuardOutcome["kind"]> {
    const outcome =
      this.#guard === undefined
        ? publishUnguarded(this.#segment, document)
        : publishGuarded(this.#segment, this.#guard, document);
    return outcome instanceof Promise ? outcome.then((late) => this.#judged(late)) : this.#judged(outcome);
  }

  #judged(outcome: GuardOutcome): GuardOutcome["kind"] {
    if (outcome.kind !== "Done" || outcome.surplusPermits > 0) this.#tell(outcome);
    return outcome.kind;
  }

  #tell(outcome: GuardOutcome): void {
    const text = textOf(outcome);
    const nowMs = monotonicMs();
    for (const [logged, { atMs }] of this.#logged) if (nowMs - atMs >= logAgainMs) this.#logged.delete(logged);
    const ofThisKind = [...this.#logged.values()].filter(({ kind }) => kind === outcome.kind).length;
    if (this.#logged.has(text) || ofThisKind >= mostLogged) return;
    this.#logged.set(text, { kind: outcome.kind, atMs: nowMs });
    const fields = { segment: this.#segment.name, semaphore: this.#guard?.name, ...this.#guard?.counters };
    this.#log(levelOf(outcome), text, fields);
  }
}

function levelOf(outcome: GuardOutcome): LogLevel {
  if (outcome.kind === "Failed") return "error";
  return outcome.kind === "Done" && outcome.isFirst ? "info" : "warn";
}

function textOf(outcome: GuardOutcome): string {
  if (outcome.kind === "Done" && outcome.isFirst) {
    const found = `the semaphore had the value ${outcome.surplusPermits + 1} when the partition opened it and now has the value 1`;
    return `${found}: the program that made it gave it more (the Python reference does), or a consumer posted it too often before`;
  }
  if (outcome.kind === "Done")
    return "took back surplus semaphore permits: a consumer posts the semaphore too often, or after the writer reclaimed it; each consumer must post once for each wait";
  if (outcome.kind === "Failed") return `cannot publish: ${messageOf(outcome.error)}`;
  const what = outcome.kind === "Skipped" ? "left out one document" : "published without the guard";
  const held = "a consumer holds the semaphore and does not give it back";
  return `${what}: ${outcome.cause === undefined ? held : messageOf(outcome.cause)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
