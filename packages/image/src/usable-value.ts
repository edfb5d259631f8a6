// Is a value usable, and why not? The one question before a program acts on a value; docs/process-image.md, "Is a value usable?".
//
// Good statuses stay in the image when the writer is killed, so the status alone never answers it.

import type { GroupSnapshot } from "./group-snapshot.ts";
import type { ImageHeader } from "./image-header.ts";
import type { OpenedImage } from "./opened-image.ts";
import { isBad, isGood } from "./values/status-code.ts";
import { statusName } from "./values/status-name.ts";

export type UnusableReason =
  "noImage" | "writerDead" | "retired" | "writerHangs" | "badStatus" | "uncertainStatus" | "tooOld";

export type Usability =
  | { readonly isUsable: true }
  /** `why` is for people. */
  | { readonly isUsable: false; readonly reason: UnusableReason; readonly why: string };

export interface Wanted {
  /** The age in milliseconds that the program can live with. */
  readonly maxAgeMs: number;
  /** An uncertain status is good enough. Default: false. */
  readonly acceptUncertain?: boolean;
}

const nsPerMs = 1_000_000n;
/** A heartbeat this old is none, whatever the interval. */
const leastHeartbeatMs = 5000;

/**
 * The point at `index` of a snapshot of `image`. Asks the kernel whether the writer lives, which takes some microseconds: for many points of one
 * snapshot use `unusableImage` once and `unusableReading` for each.
 */
export function usability(image: OpenedImage, snapshot: GroupSnapshot, index: number, wanted: Wanted): Usability {
  return unusableImage(image, snapshot) ?? unusableReading(snapshot, index, wanted) ?? { isUsable: true };
}

export function isUsable(image: OpenedImage, snapshot: GroupSnapshot, index: number, wanted: Wanted): boolean {
  return usability(image, snapshot, index, wanted).isUsable;
}

/** Why no value of the snapshot is usable, whatever its status. */
export function unusableImage(image: OpenedImage, snapshot: GroupSnapshot): Usability | undefined {
  const seen = image.look();
  if (seen === undefined) return unusable("noImage", `there is no image ${image.name}`);
  const { image: reader, hasWriter } = seen;
  if (!hasWriter) return unusable("writerDead", "the writer is dead");
  if (reader.isRetired) return unusable("retired", "the image is retired");
  if (reader.directory.groups[snapshot.group.index] !== snapshot.group)
    return unusable("retired", "another image has taken the place of the one that the snapshot is of");
  if (isHeartbeatOld(reader, Date.now())) return unusable("writerHangs", "the writer hangs, or the clock was set");
  return undefined;
}

/** Why this value is not usable although its image is. */
export function unusableReading(snapshot: GroupSnapshot, index: number, wanted: Wanted): Usability | undefined {
  const status = snapshot.status(index);
  if (isBad(status)) return unusable("badStatus", `its status is ${statusName(status)}`);
  if (!isGood(status) && wanted.acceptUncertain !== true)
    return unusable("uncertainStatus", `its status is ${statusName(status)}`);
  // The clock may have been set back: a value of the future is of no known age.
  const ageMs = Math.abs(Date.now() - Number(snapshot.receivedNs(index) / nsPerMs));
  if (ageMs <= wanted.maxAgeMs) return undefined;
  return unusable("tooOld", `it is ${ageMs} ms old, and no more than ${wanted.maxAgeMs} ms is wanted`);
}

/** The writer stores its heartbeat every interval. */
export function isHeartbeatOld(image: ImageHeader, nowMs: number): boolean {
  const ageMs = Math.abs(nowMs - Number(image.heartbeatNs / nsPerMs));
  return ageMs >= Math.max(leastHeartbeatMs, 3 * image.intervalMs);
}

function unusable(reason: UnusableReason, why: string): Usability {
  return { isUsable: false, reason, why };
}
