// Publishing one document to the consumers of a service, each under its own guard.

import type { DocumentSegment } from "./document-segment.ts";
import type { Guard, GuardOutcome } from "./guard.ts";

/**
 * Writes the document (UTF-8) to the segment under the guard, at once when that is free; never throws or rejects. The document is copied at once. While an earlier one still
 * waits for the guard, the newer takes its place and both calls have the same outcome.
 */
export function publishGuarded(
  segment: DocumentSegment,
  guard: Guard,
  document: Uint8Array,
): GuardOutcome | Promise<GuardOutcome> {
  try {
    segment.stage(document);
  } catch (error) {
    return { kind: "Failed", error };
  }
  return guard.run(() => segment.writeStaged());
}

/** For a consumer whose semaphore cannot be used. */
export function publishUnguarded(segment: DocumentSegment, document: Uint8Array): GuardOutcome {
  try {
    segment.stage(document);
    segment.writeStaged();
    return { kind: "Done", waitedMs: 0, surplusPermits: 0, isFirst: false };
  } catch (error) {
    return { kind: "Failed", error };
  }
}

/**
 * To every consumer at the same time: none delays another. `segments[i]` goes with `guards[i]`, and so do the outcomes;
 * a segment without a guard, or a guard without a segment, is left out.
 */
export async function publishToAll(
  segments: readonly DocumentSegment[],
  guards: readonly Guard[],
  document: Uint8Array,
): Promise<GuardOutcome[]> {
  const begun: (GuardOutcome | Promise<GuardOutcome>)[] = [];
  for (const [index, segment] of segments.entries()) {
    const guard = guards[index];
    if (guard !== undefined) begun.push(publishGuarded(segment, guard, document));
  }
  const outcomes: GuardOutcome[] = [];
  for (const each of begun) outcomes.push(await each);
  return outcomes;
}
