// What does the journal cost the writer for each change, and what do its readers cost it? All points change with every publish, with a journal and
// without one, with 0 and 8 readers of it at full speed in other processes. Needs gcc.
//
//   node benchmarks/journal.ts [--json]

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { JournalReader } from "../packages/image/src/journal-reader.ts";
import { SharedMemoryObject } from "../packages/image/src/posix/shared-memory-object.ts";
import { compiledPeer } from "./compiled-peer.ts";
import { plantMix, prepared, setAll, twoDecimals } from "./plant-values.ts";
import { tell, type Line } from "./report.ts";
import { numbersImage } from "./shared-image.ts";
import { medianUs, timeInTurns } from "./stop-watch.ts";

const POINTS = 1000;
const BATCHES = 3000;
const JOURNAL_BYTES = 16 * 2 ** 20;
const WANTED_NS = 100;
const counts = [0, 8];

const [program] = compiledPeer("journal-reader");

async function startReader(name: string): Promise<ChildProcess> {
  const child = spawn(program, [name], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

async function endReader(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

async function linesOf(readers: number): Promise<readonly Line[]> {
  const name = `benchmark_${process.pid}_journal`;
  using journal = SharedMemoryObject.createExclusive(name, 0o640);
  if (journal === undefined) throw new TypeError(`${name} exists`);
  try {
    journal.reserve(JOURNAL_BYTES);
    using memory = journal.map("read-write", JOURNAL_BYTES);
    using plain = numbersImage(plantMix, POINTS, "plain");
    using journalled = numbersImage(plantMix, POINTS, "journalled");
    journalled.startJournal(memory.buffer);
    // Every value is another one than in the round before.
    const values = prepared(plantMix, POINTS, twoDecimals);
    const children = await Promise.all(Array.from({ length: readers }, () => startReader(name)));
    const timings = timeInTurns(
      [
        { name: "without", run: (round) => plain.publish((block) => setAll(block, plantMix, values, round)) },
        { name: "with", run: (round) => journalled.publish((block) => setAll(block, plantMix, values, round)) },
      ],
      BATCHES,
      1,
    );
    await Promise.all(children.map(endReader));
    const changes = Number(new JournalReader(memory.buffer).end().sequence) / (BATCHES * 1.1);
    const ns = (1000 * (medianUs(timings, "with") - medianUs(timings, "without"))) / changes;
    return [
      { what: `${readers} readers: a publish without a journal, median us`, figure: medianUs(timings, "without") },
      { what: `${readers} readers: a publish with one, median us`, figure: medianUs(timings, "with") },
      { what: `${readers} readers: changes in a publish`, figure: changes },
      { what: `${readers} readers: the journal, ns for each change`, figure: ns, wanted: `at most ${WANTED_NS}` },
    ];
  } finally {
    SharedMemoryObject.remove(name);
  }
}

const lines: Line[] = [];
for (const count of counts) lines.push(...(await linesOf(count)));
tell({
  question: "What does the journal cost the writer, and what do its readers?",
  lines,
  remarks: [
    `${POINTS} points of a plant (40 % Boolean, 30 % UInt16, 30 % Double), ${BATCHES} publishes of each, one right after the other, in turns`,
    "readers look for changes all the time, without a sleep; with more processes than cores the median is of publishes that were not interrupted",
  ],
});
