// Publishing one document to the consumers of a service, each under its own guard.

import type { DocumentSegment } from "./document-segment.ts";
import type { Guard, GuardOutcome } from "./guard.ts";

/**
 * Writes the document (UTF-8) to the segment under the guard; never rejects. The document is copied at once. While an earlier one still
 * waits for the guard, the newer takes its place and both calls have the same outcome.
 */
export async function publishGuarded(
  segment: DocumentSegment,
  guard: Guard,
  document: Uint8Array,
): Promise<GuardOutcome> {
  try {
    segment.stage(document);
  } catch (error) {
    return { kind: "Failed", error };
  }
  return guard.run(() => segment.writeStaged());
}

/**
 * To every consumer at the same time: none delays another. `segments[i]` goes with `guards[i]`, and so do the outcomes;
 * a segment without a guard, or a guard without a segment, is left out.
 */
export function publishToAll(
  segments: readonly DocumentSegment[],
  guards: readonly Guard[],
  document: Uint8Array,
): Promise<GuardOutcome[]> {
  const outcomes: Promise<GuardOutcome>[] = [];
  for (const [index, segment] of segments.entries()) {
    const guard = guards[index];
    if (guard !== undefined) outcomes.push(publishGuarded(segment, guard, document));
  }
  return Promise.all(outcomes);
}
