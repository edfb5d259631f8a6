// What keeps a partition small that runs for years.

import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { giveBackFreeMemory } from "@cpc-partition/image/posix/free-memory";

/** By then a start or a reload is over, and the thread that read the configuration has ended. */
const settledAfterMs = 10_000;

/** Every collection doubles the wait for the next one up to this: no server that comes and goes can stop the thread of the others again and again. */
const longestWaitMs = 3_600_000;

/** Of a larger heap, so much is given back that it is worth a longer pause: some 0.4 s for 250 MB, in which what is in use is moved together. */
const largeHeapBytes = 64 * 1024 * 1024;

/**
 * What a poll makes is garbage when the next one begins. The runtime would let the memory for it grow to a hundred megabytes at a large start,
 * and keep it. With half of this, the polls of a thousand devices would outlive a collection, which costs processor time.
 */
export const youngMegabytes = 24;

/** A thread that has had no tick for so long has no poll that would have to wait. */
const noTickForMs = 1000;

let giveBack: NodeJS.Timeout | undefined;
let waitMs = settledAfterMs;
let isDue = false;

/** By so many percent heaps may grow before garbage is collected. The runtime alone would let them grow to four times their size. */
const growth = {
  /** A start keeps nearly everything that it makes: each collection on the way copies it for nothing. */
  starting: 100,
  /** What is in use hardly changes once a partition runs. */
  settled: 50,
} as const;

/**
 * Holds for all threads of the process, and so for a process of ours only. Compiled code serves under the flags only under which it was compiled, our own
 * that is kept between runs and that which comes with the runtime. So this comes when the threads of a start have loaded theirs. A thread that is started later
 * (after a crash, for a reload, for many servers) takes some 50 ms longer, and keeps its code apart.
 */
export function keepHeapsSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${growth.starting}`);
  setFlagsFromString("--expose-gc");
}

/** For a command that keeps most of what it makes, before it loads what it needs: room for garbage beside it stays as small as it is then. */
export function keepGarbageSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString(`--heap-growing-percent=${growth.settled}`);
}

/**
 * After a start, a reload, a new image or a new session with many nodes, in the thread that had the work. What such work leaves is half of a large heap. Polls
 * leave so little that the runtime would not collect it for hours. It takes 10 to 20 ms, after the next tick: polls that begin meanwhile would be late.
 */
export function giveBackMemorySoon(): void {
  clearTimeout(giveBack);
  isDue = false;
  giveBack = setTimeout(() => {
    isDue = true;
    giveBack = setTimeout(giveBackMemory, noTickForMs).unref();
  }, waitMs).unref();
}

function giveBackMemory(): void {
  clearTimeout(giveBack);
  isDue = false;
  waitMs = Math.min(2 * waitMs, longestWaitMs);
  setFlagsFromString(`--heap-growing-percent=${growth.settled}`);
  collectEverything();
  giveBackFreeMemory();
}

/** Of memory outside the heap, between two looks at what is young in it. */
const mostMessageBytes = 8 * 1024 * 1024;
let outsideBytes = Infinity;
let isCollected = false;

/** At every tick, when its polls have ended. */
export function tidyUp(): void {
  if (isDue) giveBackMemory();
  else collectMessages();
}

/**
 * Requests and answers lie outside the heap. Polls leave so little inside it that the runtime would wait until messages take as much as it may grow
 * by, and then go through the whole heap, again and again: 40 ms for 40 MB. Going through what is young takes less than one.
 */
function collectMessages(): void {
  const { external_memory: bytes } = getHeapStatistics();
  outsideBytes = isCollected ? bytes : Math.min(outsideBytes, bytes);
  isCollected = bytes - outsideBytes > mostMessageBytes;
  if (isCollected) collect({ type: "minor", execution: "sync" });
}

function collectEverything(): void {
  const flavor = getHeapStatistics().used_heap_size > largeHeapBytes ? "last-resort" : "regular";
  collect({ type: "major", execution: "sync", flavor });
}

let collector: unknown;

/** Where a process of ours has exposed it. */
function collect(options: Readonly<Record<string, string>>): void {
  collector ??= runInNewContext("globalThis.gc") ?? null;
  if (typeof collector === "function") collector(options);
}
