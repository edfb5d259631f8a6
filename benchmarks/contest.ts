// Clients that poll the same server in turns, so that all meet the same moods of the machine: what a poll costs each of them.

import type { LineProcess } from "./line-process.ts";
import { cpuMsOf, memoryOf } from "./process-account.ts";

/** In times of the processor time that it shall take: a client that mostly waits needs none. */
const LONGEST_WARM_UP = 10;

/** Of one poll, the mean of a turn. */
export interface PollCost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface Performance {
  readonly name: string;
  /** For a reader of the table. */
  readonly what: string;
  /** Empty: ours. */
  readonly version: string;
  /** In the order of the rounds. */
  readonly turns: readonly PollCost[];
  readonly polls: number;
  readonly residentMiB: number;
}

export interface Contestant {
  readonly name: string;
  readonly what: string;
  readonly start: () => LineProcess;
}

export interface Contest {
  readonly contestants: readonly Contestant[];
  /** What the values of a poll add up to; a client that says something else did not read them. */
  readonly sum: number;
  readonly rounds: number;
  readonly turnMs: number;
  readonly warmUpMs: number;
  readonly progress: (text: string) => void;
}

interface Runner {
  readonly name: string;
  readonly what: string;
  readonly client: LineProcess;
  readonly version: string;
  readonly pollsPerTurn: number;
  readonly turns: PollCost[];
}

export async function compete(contest: Contest): Promise<readonly Performance[]> {
  await using clients = new AsyncDisposableStack();
  const runners: Runner[] = [];
  for (const { name, what, start } of contest.contestants) {
    contest.progress(`${name}: warm-up`);
    const client = clients.use(start());
    const { version = "" } = await client.line();
    const pollsPerTurn = await warmUp(client, contest);
    runners.push({ name, what, client, version: String(version), pollsPerTurn, turns: [] });
  }
  for (let round = 1; round <= contest.rounds; round++) {
    contest.progress(`round ${round} of ${contest.rounds}`);
    for (const { client, pollsPerTurn, turns } of runners) turns.push(await turn(client, pollsPerTurn, contest.sum));
  }
  return runners.map(({ name, what, version, client, turns, pollsPerTurn }) => ({
    name,
    what,
    version,
    turns,
    polls: turns.length * pollsPerTurn,
    residentMiB: memoryOf(client.pid).residentMiB,
  }));
}

/** The number of polls that take about as long as a turn shall, once code is compiled: that takes processor time, and a busy machine gives little of it. */
async function warmUp(client: LineProcess, { sum, turnMs, warmUpMs }: Contest): Promise<number> {
  let polls = 1;
  let usedMs = 0;
  const endMs = performance.now() + LONGEST_WARM_UP * warmUpMs;
  while (usedMs < warmUpMs && performance.now() < endMs) {
    const { wallMs, cpuMs } = await turn(client, polls, sum);
    usedMs += cpuMs * polls;
    polls = Math.max(1, Math.min(2 * polls, Math.round(turnMs / wallMs)));
  }
  return polls;
}

async function turn(client: LineProcess, polls: number, sum: number): Promise<PollCost> {
  const cpuBeforeMs = cpuMsOf(client.pid);
  const startMs = performance.now();
  const answer = await client.ask(polls);
  const wallMs = performance.now() - startMs;
  const cpuMs = cpuMsOf(client.pid) - cpuBeforeMs;
  if (answer["sum"] !== sum) throw new RangeError(`the values add up to ${String(answer["sum"])} instead of ${sum}`);
  return { wallMs: wallMs / polls, cpuMs: cpuMs / polls };
}
