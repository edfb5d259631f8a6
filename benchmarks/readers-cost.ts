// What do readers cost the writer? It publishes 1000 points every few milliseconds, with 0, 1 and 8 readers in other processes, in turns. Once the
// readers look by themselves every millisecond, once they sleep until the publish wakes them. Needs gcc.
//
//   node benchmarks/readers-cost.ts [--json]

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { compiledPeer } from "./compiled-peer.ts";
import { plantMix, prepared, setAll, twoDecimals } from "./plant-values.ts";
import { quantile, tell, type Line } from "./report.ts";
import { numbersImage, type SharedImage } from "./shared-image.ts";

const POINTS = 1000;
const ROUNDS = 12;
const PUBLISHES = 150;
const counts = [0, 1, 8];

const values = prepared(plantMix, POINTS, twoDecimals);
const [program] = compiledPeer("reader");

async function startReader(image: SharedImage, habit: string): Promise<ChildProcess> {
  const child = spawn(program, [image.name, habit], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

async function endReader(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

interface Samples {
  readonly wallUs: number[];
  readonly cpuUs: number[];
}

/** Wall clock and processor time of single publishes. */
async function publishes(image: SharedImage, samples: Samples): Promise<void> {
  for (let publish = 0; publish < PUBLISHES; publish++) {
    await pause(2);
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    image.publish((block) => setAll(block, plantMix, values, publish));
    const wallUs = (performance.now() - startMs) * 1000;
    const cpu = process.cpuUsage(cpuBefore);
    samples.wallUs.push(wallUs);
    samples.cpuUs.push(cpu.user + cpu.system);
  }
}

async function linesOf(habit: "looking" | "sleeping"): Promise<readonly Line[]> {
  using image = numbersImage(plantMix, POINTS);
  const samples = new Map(counts.map((count): [number, Samples] => [count, { wallUs: [], cpuUs: [] }]));
  await publishes(image, { wallUs: [], cpuUs: [] });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [count, seen] of samples) {
      const readers = await Promise.all(Array.from({ length: count }, () => startReader(image, habit)));
      await publishes(image, seen);
      await Promise.all(readers.map(endReader));
    }
  }
  return [...samples].flatMap(([count, { wallUs, cpuUs }]) => [
    { what: `${count} ${habit} readers: a publish, median us`, figure: quantile(wallUs, 0.5) },
    { what: `${count} ${habit} readers: processor time, median us`, figure: quantile(cpuUs, 0.5) },
  ]);
}

tell({
  question: "What do readers cost the writer?",
  lines: [...(await linesOf("looking")), ...(await linesOf("sleeping"))],
  remarks: [
    `${ROUNDS * PUBLISHES} publishes of ${POINTS} points each, 2 ms apart, in turns`,
    "wanted: the same whatever the number",
    "the writer wakes two sleepers at most, and they wake the others",
  ],
});
