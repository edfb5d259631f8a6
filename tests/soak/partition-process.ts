// `cpc` with a scale beside it: tells the soak every ten seconds how large the heaps of its threads are. Parameters are those of `cpc`.

import type { Worker } from "node:worker_threads";

export interface HeapReport {
  readonly kind: "heaps";
  /** By thread. */
  readonly bytes: Readonly<Record<string, number>>;
}

const everyMs = 10_000;
const workers = new Map<string, Worker>();
process.on("worker", (worker) => {
  const name = `worker ${workers.size + 1}`;
  workers.set(name, worker);
  worker.once("exit", () => workers.delete(name));
});
// The partition's life is its own; but nobody looks after it when the soak was killed.
process.channel?.unref();
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));

setInterval(() => void tell(), everyMs).unref();

async function tell(): Promise<void> {
  const bytes: Record<string, number> = { "main thread": process.memoryUsage().heapUsed };
  for (const [name, worker] of workers) {
    try {
      bytes[worker.threadName ?? name] = (await worker.getHeapStatistics()).used_heap_size;
    } catch {
      continue; // it has ended meanwhile
    }
  }
  if (process.connected) process.send?.({ kind: "heaps", bytes } satisfies HeapReport);
}

await import("../../packages/partition/src/main.ts");
