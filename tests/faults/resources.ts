// What a process has open: the thing that a leak would make more. Counted by kind, since numbers and inodes differ each time.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/** Kind ("descriptor socket", "mapping opcua_image", ...) -> how many. */
export type Resources = ReadonlyMap<string, number>;

const settleMs = 10_000;
const lookAgainMs = 20;

/** Descriptors and shared mappings of any process. */
export function resourcesOf(processId: number): Resources {
  const found = [...descriptorsOf(processId), ...sharedMappingsOf(processId)];
  const counts = new Map<string, number>();
  for (const kind of found) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The same of this process, with its timers, and with what it has in /dev/shm and in the folder for temporary files. */
export function openResources(): Resources {
  const counts = new Map(resourcesOf(process.pid));
  const named = [...readdirSync("/dev/shm"), ...readdirSync(tmpdir())];
  counts.set("names", named.filter((name) => name.includes(`-${process.pid}-`)).length);
  const running = process.getActiveResourcesInfo();
  // A pause of `leftovers` itself is one of them.
  counts.set("timers", running.filter((kind) => kind === "Timeout" || kind === "Immediate").length);
  return counts;
}

/** What is there more than before, once everything had time to close; empty as soon as there is nothing. */
export async function leftovers(before: Resources, now: () => Resources = openResources): Promise<readonly string[]> {
  const giveUpMs = performance.now() + settleMs;
  for (;;) {
    const more = Array.from(now()).flatMap(([kind, count]) => {
      const surplus = count - (before.get(kind) ?? 0);
      return surplus > 0 ? [`${surplus} more: ${kind}`] : [];
    });
    if (more.length === 0 || performance.now() > giveUpMs) return more;
    await pause(lookAgainMs);
  }
}

function descriptorsOf(processId: number): readonly string[] {
  const folder = `/proc/${processId}/fd`;
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      const target = readlinkSync(`${folder}/${descriptor}`);
      // "socket:[123]", "pipe:[123]", "anon_inode:[eventpoll]", or a path.
      return [`descriptor ${target.replace(/:\[\d+\]$/, "")}`];
    } catch {
      return []; // closed between listing and looking
    }
  });
}

function sharedMappingsOf(processId: number): readonly string[] {
  const mapped = readFileSync(`/proc/${processId}/maps`, "utf8").match(/\/dev\/shm\/.*/g) ?? [];
  // The C library makes a semaphore under a name of six random letters, and the mapping keeps that name.
  return mapped.map((path) => `mapping ${path.replace(/sem\.\w{6} \(deleted\)$/, "a new semaphore")}`);
}
