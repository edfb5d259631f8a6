// What keeps the bridge's queue best on disk: our files of blocks, or SQLite (node:sqlite, with a write-ahead log)? Records of 60 bytes in blocks
// of 1000 go in, come out and are acknowledged; then as fast as possible, and at 100,000 records a second.
//
//   node benchmarks/bridge-queue.ts [--json]

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { SegmentQueue } from "../packages/bridge/src/queue/segment-queue.ts";
import { quantile, tell, type Line } from "./report.ts";

const recordsPerBlock = 1000;
const block = Buffer.alloc(60 * recordsPerBlock, 7);
const blocks = 2000;
const pacedBlocks = 500;

interface Queue {
  append(): void;
  /** Reads the oldest block and takes it out. */
  take(): void;
  flush(): Promise<void>;
}

const queues: Readonly<Record<string, (folder: string) => Queue>> = {
  "files of blocks": (folder) => {
    const queue = new SegmentQueue(folder, { limitBytes: 2 ** 30, segmentBytes: 16 * 2 ** 20 });
    return {
      append: () => void queue.append(block, recordsPerBlock),
      take: () => queue.acknowledge(queue.read()?.end ?? 0),
      flush: async () => await queue.flush(),
    };
  },
  "SQLite, a row for each block": (folder) => {
    const database = open(folder);
    const insert = database.prepare("INSERT INTO queue (data) VALUES (?)");
    const oldest = database.prepare("SELECT id, data FROM queue ORDER BY id LIMIT 1");
    const remove = database.prepare("DELETE FROM queue WHERE id = ?");
    return {
      append: () => void insert.run(block),
      take: () => void remove.run((oldest.get() as { id: number }).id),
      flush: async () => await checkpoint(database),
    };
  },
  "SQLite, a row for each record": (folder) => {
    const database = open(folder);
    const insert = database.prepare("INSERT INTO queue (data) VALUES (?)");
    const oldest = database.prepare(`SELECT id, data FROM queue ORDER BY id LIMIT ${recordsPerBlock}`);
    const remove = database.prepare("DELETE FROM queue WHERE id <= ?");
    return {
      append: () => {
        database.exec("BEGIN");
        for (let record = 0; record < recordsPerBlock; record++)
          insert.run(block.subarray(60 * record, 60 * (record + 1)));
        database.exec("COMMIT");
      },
      take: () => void remove.run((oldest.all().at(-1) as { id: number }).id),
      flush: async () => await checkpoint(database),
    };
  },
};

function open(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, "queue.db"));
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE queue (id INTEGER PRIMARY KEY, data BLOB)",
  );
  return database;
}

async function checkpoint(database: DatabaseSync): Promise<void> {
  database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  await Promise.resolve();
}

/** Microseconds for each record. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (blocks * recordsPerBlock);
}

async function measure(name: string, queue: Queue): Promise<readonly Line[]> {
  const inUs = cpuOf(() => {
    for (let number = 0; number < blocks; number++) queue.append();
  });
  const outUs = cpuOf(() => {
    for (let number = 0; number < blocks; number++) queue.take();
  });
  const pausesMs: number[] = [];
  const startMs = performance.now();
  let flushed = queue.flush();
  for (let number = 0; number < pacedBlocks; number++) {
    const beginMs = performance.now();
    queue.append();
    if (number > 0) queue.take();
    pausesMs.push(performance.now() - beginMs);
    if (number % 100 === 99) {
      await flushed;
      const flushMs = performance.now();
      flushed = queue.flush();
      pausesMs.push(performance.now() - flushMs);
    }
    await pause(Math.max(0, startMs + (number + 1) * 10 - performance.now()));
  }
  await flushed;
  return [
    { what: `${name}: in, microseconds of processor time for each record`, figure: inUs },
    { what: `${name}: out and acknowledged, microseconds for each record`, figure: outUs },
    { what: `${name}: at 100,000 records/s, longest stop of the event loop, ms`, figure: Math.max(...pausesMs) },
    { what: `${name}: the same, p99, ms`, figure: quantile(pausesMs, 0.99) },
  ];
}

const lines: Line[] = [];
for (const [name, make] of Object.entries(queues)) {
  const folder = mkdtempSync(join(tmpdir(), "cpc-queue-"));
  try {
    lines.push(...(await measure(name, make(folder))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
tell({
  question: "What does the bridge's queue on disk cost?",
  lines,
  remarks: [
    "records of 60 bytes, 1000 in a block; synced once a second: files in the runtime's thread pool, SQLite by a checkpoint in the event loop",
    "SQLite: write-ahead log, synchronous = NORMAL, which survives kill -9 and may lose the last second with the power, as files do",
  ],
});
