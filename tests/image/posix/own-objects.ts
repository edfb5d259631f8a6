// Names in /dev/shm that no other test uses, gone when the test ends, and what this process has open.

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";

/** What an object or a process lives as long as: a test, or another process. */
export interface Lifetime {
  after(ending: () => unknown): void;
}

/** A fresh prefix; everything in /dev/shm that carries it, semaphores too, is removed after the test. */
export function ownPrefix(context: Lifetime): string {
  const prefix = `cpc-test-${process.pid}-${randomBytes(6).toString("hex")}-`;
  context.after(() => {
    for (const file of filesOf(prefix)) rmSync(`/dev/shm/${file}`, { recursive: true });
  });
  return prefix;
}

export function filesOf(prefix: string): readonly string[] {
  return readdirSync("/dev/shm").filter((file) => file.startsWith(prefix) || file.startsWith(`sem.${prefix}`));
}

/** What this process has open or mapped in /dev/shm, by the names it had. */
export function openObjects(): readonly string[] {
  const open = readdirSync("/proc/self/fd").map((descriptor) => linkTarget(`/proc/self/fd/${descriptor}`));
  const mapped = readFileSync("/proc/self/maps", "utf8").match(/\/dev\/shm\/.*/g) ?? [];
  return [...open.filter((target) => target.startsWith("/dev/shm/")), ...mapped];
}

/** "" for the descriptor that listed the folder and is closed by now. */
function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
