// What a process has open: the thing that a leak would make more. Counted by kind, since numbers and inodes differ each time.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/** Kind ("descriptor socket", "mapping opcua_image", ...) -> how many. */
export type Resources = ReadonlyMap<string, number>;

/** Also on a machine that is busy with other things: a thread that reads the configuration takes long to end there. */
const settleMs = 90_000;
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

/**
 * What is there more than before, once everything had time to close; empty as soon as there is nothing. `processId`: whose connections are
 * listed beside it.
 */
export async function leftovers(
  before: Resources,
  now: () => Resources = openResources,
  processId = process.pid,
): Promise<readonly string[]> {
  const giveUpMs = performance.now() + settleMs;
  for (;;) {
    const more = Array.from(now()).flatMap(([kind, count]) => {
      const surplus = count - (before.get(kind) ?? 0);
      return surplus > 0 ? [`${surplus} more: ${kind}`] : [];
    });
    if (more.length === 0) return more;
    if (performance.now() > giveUpMs) return [...more, ...connectionsOf(processId)];
    await pause(lookAgainMs);
  }
}

/** "socket:[123]", "pipe:[123]", "anon_inode:[eventpoll]", or a path. */
function targetsOf(processId: number): readonly string[] {
  const folder = `/proc/${processId}/fd`;
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      return [readlinkSync(`${folder}/${descriptor}`)];
    } catch {
      return []; // closed between listing and looking
    }
  });
}

function descriptorsOf(processId: number): readonly string[] {
  return targetsOf(processId).map((target) => `descriptor ${target.replace(/:\[\d+\]$/, "")}`);
}

/** Ports and state of each TCP connection over IPv4, which sockets are pipes to other processes, and the inode of any other. */
export function connectionsOf(processId: number): readonly string[] {
  const known = new Map<string, string>();
  for (const [, local = "", remote = "", state = "", , , , , , inode = ""] of socketsOf(processId, "tcp"))
    known.set(inode, `${portOf(local)} to ${portOf(remote)}, state ${state}`);
  for (const [, , , , , , inode = ""] of socketsOf(processId, "unix")) known.set(inode, `${inode}, to a process`);
  const sockets = targetsOf(processId).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
  return sockets.map((inode) => `socket ${known.get(inode) ?? inode}`);
}

/** The columns of each socket of its network. */
function socketsOf(processId: number, table: "tcp" | "unix"): readonly (readonly string[])[] {
  const [, ...lines] = readFileSync(`/proc/${processId}/net/${table}`, "utf8").trim().split("\n");
  return lines.map((line) => line.trim().split(/\s+/));
}

function sharedMappingsOf(processId: number): readonly string[] {
  const mapped = readFileSync(`/proc/${processId}/maps`, "utf8").match(/\/dev\/shm\/.*/g) ?? [];
  // The C library makes a semaphore under a name of six random letters, and the mapping keeps that name.
  return mapped.map((path) => `mapping ${path.replace(/sem\.\w{6} \(deleted\)$/, "a new semaphore")}`);
}

/** Of an address as the kernel writes it: "0100007F:1F90". */
function portOf(address: string): number {
  return Number.parseInt(address.split(":")[1] ?? "", 16);
}
