// Follows the image of one service publication by publication and tells the soak each: `image-watcher-process.ts IMAGE`.
//
// Sleeps on the image as readers do. Whether a publication was overtaken before it was seen is told, too.

import { setImmediate } from "node:timers/promises";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import type { ImageReader } from "../../packages/image/src/image-reader.ts";
import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import type { GroupSnapshot } from "../../packages/image/src/group-snapshot.ts";
import { documentsHealth } from "../../packages/documents/src/documents-health.ts";
import type { Publication } from "./judge.ts";

export type WatcherReport =
  | { readonly kind: "publication"; readonly publication: Publication }
  | {
      readonly kind: "look";
      readonly atMs: number;
      readonly unseen: number;
      readonly heartbeatAgeMs: number;
      readonly guardTimeouts: number;
      readonly guardSeizures: number;
      readonly ticksMissed: number;
      readonly objectsRestored: number;
      readonly generation: number;
      readonly connects: number;
      readonly overruns: number;
    };

const [name = ""] = process.argv.slice(2);
const sleepMs = 100;
const tellMs = 500;
const image = new OpenedImage(name);
let reader: ImageReader | undefined;
let snapshots: readonly GroupSnapshot[] = [];
let seen: (number | undefined)[] = [];
let unseen = 0;
let toldMs = 0;

process.once("disconnect", () => process.exit(0));
process.on("message", () => {}); // keeps the channel, and so the disconnect, in sight

function look(): void {
  const current = image.current();
  if (current === undefined) return;
  if (current !== reader) {
    reader = current;
    snapshots = current.directory.servers.map((_, index) => current.reusableSnapshot(index));
    seen = snapshots.map(() => undefined);
  }
  for (const [index, snapshot] of snapshots.entries()) {
    const published = current.published(index);
    if (published === seen[index] || current.isRetired || !snapshot.refresh()) continue;
    const before = seen[index];
    if (before !== undefined) unseen += ((snapshot.published - before) >>> 0) - 1;
    seen[index] = snapshot.published;
    tell({ kind: "publication", publication: publicationOf(snapshot) });
  }
  const seenAtMs = Date.now();
  if (seenAtMs - toldMs < tellMs) return;
  toldMs = seenAtMs;
  tellState(current, seenAtMs);
}

/** Taken just now. */
function publicationOf(snapshot: GroupSnapshot): Publication {
  const seenAtMs = Date.now();
  const { connection, cycle, publishedNs } = snapshot.state;
  return {
    server: snapshot.server.alias,
    seenAtMs,
    publishedMs: Number(publishedNs / 1_000_000n),
    isConnected: connection === ConnectionState.connected,
    cycle: Number(cycle),
    values: snapshot.points.map((_, point) =>
      snapshot.status(point) === 0 ? snapshot.number(point, BuiltInType.Double) : null,
    ),
  };
}

function tellState(current: ImageReader, atMs: number): void {
  const { servers, groups } = current.directory;
  const connects = servers.reduce((total, _, index) => total + Number(current.serverCount(index, "connects")), 0);
  const overruns = groups.reduce((total, { index }) => total + Number(current.groupCount(index, "overruns")), 0);
  const figures = documentsHealth(name.replace(/_image$/, "_documents"), atMs)?.figures;
  tell({
    kind: "look",
    atMs,
    unseen,
    heartbeatAgeMs: atMs - Number(current.heartbeatNs / 1_000_000n),
    guardTimeouts: figures?.guardTimeouts ?? 0,
    guardSeizures: figures?.guardSeizures ?? 0,
    ticksMissed: Number(current.serviceCount("ticksMissed")),
    objectsRestored: Number(current.serviceCount("objectsRestored")) + (figures?.objectsRestored ?? 0),
    generation: current.generation,
    connects,
    overruns,
  });
}

function tell(report: WatcherReport): void {
  process.send?.(report);
}

for (;;) {
  image.waitForPublish(sleepMs);
  look();
  await setImmediate();
}
