// Runs very many inputs against one target in a thread of its own, so that one that hangs or eats the memory is named instead of taking
// the test run along. Every input is made from the seed and its number alone.
//
// A campaign ends with figures when every input was dealt with, and with an error that names seed and input otherwise.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

import { Random } from "./random.ts";
import { openTarget, type Aim } from "./targets.ts";

export interface Target {
  readonly name: string;
  /** Throws when the input was not dealt with as promised. */
  run(random: Random, input: number): void | Promise<void>;
  close?(): Promise<void>;
  /** What became of the inputs. */
  notes?(): Readonly<Record<string, number>>;
}

export type Campaign = Aim & {
  readonly seed: number;
  readonly count: number;
  /** As many inputs as there is time for, in place of `count`. */
  readonly seconds?: number | undefined;
  /** An input that takes longer hangs. */
  readonly longestMs?: number;
  /** A thread that needs more ends. */
  readonly mostHeapMiB?: number;
};

export interface Figures {
  readonly name: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly slowestMs: number;
  /** Memory in use after garbage collection, at equal distances from start to end. */
  readonly memoryMiB: readonly number[];
  readonly notes: Readonly<Record<string, number>>;
}

/** Progress is a shared word: it can be read also when the thread does not listen any more. */
type Order = Campaign & { readonly progress: SharedArrayBuffer };

const SAMPLES = 10;

export async function runCampaign(campaign: Campaign): Promise<Figures> {
  const progress = new SharedArrayBuffer(4);
  const done = new Uint32Array(progress);
  const order: Order = { ...campaign, progress };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: campaign.mostHeapMiB ?? 512 },
  });
  let before = -1;
  const at = (): string => `input ${done[0]} of seed ${campaign.seed} for ${campaign.target}`;
  return await new Promise<Figures>((resolve, reject) => {
    const watchdog = setInterval(() => {
      if (done[0] === before) {
        clearInterval(watchdog);
        reject(new Error(`${at()} hangs`));
        void worker.terminate();
      }
      before = done[0] ?? 0;
    }, campaign.longestMs ?? 30_000);
    worker.once("message", resolve);
    worker.once("error", (cause) => reject(new Error(`${at()}: ${cause.message}`, { cause })));
    worker.once("exit", (code) => {
      clearInterval(watchdog);
      reject(new Error(`${at()} ended the thread with code ${code}`));
    });
  });
}

/** Less than this is the noise of caches that fill and of code that is compiled. */
const NOISE_MIB = 8;

/** What the second half of the campaign needed more than the first; 0 when memory is flat. */
export function growthMiB({ memoryMiB }: Figures): number {
  const half = Math.ceil(memoryMiB.length / 2);
  const growth = Math.min(...memoryMiB.slice(half)) - Math.max(...memoryMiB.slice(1, half));
  return growth <= NOISE_MIB ? 0 : growth;
}

async function work(order: Order): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { seed, count, seconds } = order;
  const done = new Uint32Array(order.progress);
  const target = await openTarget(order);
  const memoryMiB: number[] = [];
  let slowestMs = 0;
  let elapsedMs = 0;
  const beganMs = performance.now();
  const share = (): number => (seconds === undefined ? input / count : (performance.now() - beganMs) / 1000 / seconds);
  let input = 0;
  for (; share() < 1; input++) {
    if (share() * SAMPLES >= memoryMiB.length) memoryMiB.push(usedMiB(collect));
    done[0] = input;
    const startMs = performance.now();
    const running = target.run(new Random(seed, input), input);
    if (running !== undefined) await running;
    const tookMs = performance.now() - startMs;
    elapsedMs += tookMs;
    if (tookMs > slowestMs) slowestMs = tookMs;
  }
  memoryMiB.push(usedMiB(collect));
  await target.close?.();
  const notes = target.notes?.() ?? {};
  const figures: Figures = { name: target.name, inputs: input, seconds: elapsedMs / 1000, slowestMs, memoryMiB, notes };
  parentPort?.postMessage(figures);
}

function usedMiB(collect: () => void): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round(((heapUsed + external) / 1024 / 1024) * 10) / 10;
}

if (!isMainThread && parentPort !== null) await work(workerData as Order);
