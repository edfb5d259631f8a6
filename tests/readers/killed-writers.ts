// Writers that are killed one after the other while readers in all languages copy their polls, and what the readers make of it.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { AgentProcess, languages, type Language } from "./agents/agent-process.ts";
import { PatternWriterProcess } from "./pattern-writer-process.ts";
import { uniqueName } from "./test-writer.ts";
import { copyPolls, type Seen } from "./torn-reads.ts";

const points = 200;
/** Copies for some 10 ms and more: they go on when the writer dies. */
const copies: Readonly<Record<Language, number>> = { C: 20_000, Node: 5_000, Python: 200 };
/** A writer lives so long at most, from its first poll or from the beginning of its take-over. */
const longestLifeMs = 15;
const longestStartMs = 60;

export interface Outcome {
  readonly kills: number;
  /** Of them, during the take-over and before the first poll was announced. */
  readonly beforeFirstPoll: number;
  readonly wholeReads: number;
}

/**
 * Kills a writer in every round; in each `startEvery`th it is one that has only begun to take over. Fails when a reader sees a mixture, ends,
 * hangs, does not find the next writer, or does not keep the last poll of the one before.
 */
export async function killWriters(
  rounds: number,
  startEvery: number,
  readers: readonly Language[] = languages,
): Promise<Outcome> {
  const name = uniqueName();
  const agents = readers.map((language) => new AgentProcess(language, name));
  const everybody = <T>(run: (agent: AgentProcess) => Promise<T>): Promise<T[]> => Promise.all(agents.map(run));
  const all = (answer: string): readonly string[] => agents.map(() => answer);
  let wholeReads = 0;
  let beforeFirstPoll = 0;
  const copyAll = async (count?: number): Promise<void> => {
    const seen = await everybody((agent) => copyPolls(agent, count ?? copies[agent.language], "checked"));
    for (const [index, reader] of seen.entries()) requireWhole(agents[index]?.language, reader, count);
    wholeReads += seen.reduce((sum, { whole }) => sum + whole, 0);
  };
  const load = (): Promise<PatternWriterProcess> => {
    const loading = PatternWriterProcess.load(name, points, "waking");
    loading.catch(() => {}); // awaited in the next round
    return loading;
  };
  let next = load();
  try {
    for (let round = 0; round < rounds; round++) {
      await using writer = await next;
      // The next one loads meanwhile.
      next = load();
      if (round % startEvery === startEvery - 1) {
        const started = writer.write().then(
          () => true,
          () => false,
        );
        const copied = copyAll();
        await pause(Math.random() * longestStartMs);
        await writer.kill();
        if (!(await started)) beforeFirstPoll++;
        await copied;
        continue;
      }
      const found = everybody((agent) => agent.ask("wait 60000"));
      await writer.write();
      assert.deepEqual((await found).flat(), all("1"), "the sleepers find the new writer");
      assert.deepEqual((await everybody((agent) => agent.ask("alive"))).flat(), all("1"));
      const copied = copyAll();
      await pause(Math.random() * longestLifeMs);
      await writer.kill();
      await copied;
      assert.deepEqual((await everybody((agent) => agent.ask("alive"))).flat(), all("0"));
      await copyAll(10);
      await everybody((agent) => agent.ask("wait 0"));
    }
  } finally {
    await (await next)[Symbol.asyncDispose]();
    for (const agent of agents) await agent[Symbol.asyncDispose]();
    for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
  }
  return { kills: rounds, beforeFirstPoll, wholeReads };
}

/** With `all`, not one copy may fail: nobody writes. */
function requireWhole(language: Language | undefined, seen: Seen, all: number | undefined): void {
  assert.equal(seen.torn, 0, `the reader in ${language} saw mixtures`);
  if (all !== undefined) assert.equal(seen.whole, all, `the reader in ${language} lost the last poll`);
}
