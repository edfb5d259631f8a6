// A writer at full speed in a process of its own, and readers that copy its polls all the time, at once, in processes of their own.

import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { AgentProcess, type Language } from "./agents/agent-process.ts";
import { PatternWriterProcess } from "./pattern-writer-process.ts";
import { uniqueName } from "./test-writer.ts";

/** How often the readers saw one whole poll, a mixture, or were overtaken until they gave up. */
export interface Seen {
  readonly whole: number;
  readonly torn: number;
  readonly lapped: number;
}

export interface Reading extends Seen {
  readonly language: Language;
  readonly seconds: number;
}

/** So many copies for each command: a second or two, between which the agent can be stopped. */
const chunks: Readonly<Record<Language, number>> = { C: 1_000_000, Node: 100_000, Python: 10_000 };

/** Large enough that the writer often begins the bank again while it is being copied. */
const points = 500;

/** Copies for `command` of an agent. */
export async function copyPolls(agent: AgentProcess, count: number, mode: "checked" | "unchecked"): Promise<Seen> {
  const answer = (await agent.ask(`torn ${count} ${mode}`)).join();
  const [whole, torn, lapped] = (/^whole (\d+) torn (\d+) lapped (\d+)$/.exec(answer)?.slice(1) ?? []).map(Number);
  if (whole === undefined || torn === undefined || lapped === undefined)
    throw new TypeError(`expected counts from the reader in ${agent.language}, got "${answer}"`);
  return { whole, torn, lapped };
}

/** All of the readers at once, each until it has seen so many polls, whole or torn. */
export async function readAtFullSpeed(
  wanted: Partial<Record<Language, number>>,
  mode: "checked" | "unchecked",
): Promise<readonly Reading[]> {
  const name = uniqueName();
  try {
    await using writer = await PatternWriterProcess.load(name, points, "silent");
    await writer.write();
    const entries = Object.entries(wanted) as [Language, number][];
    return await Promise.all(entries.map(([language, count]) => readUntil(language, name, count, mode)));
  } finally {
    for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
  }
}

async function readUntil(language: Language, name: string, wanted: number, mode: "checked" | "unchecked") {
  await using agent = new AgentProcess(language, name);
  await copyPolls(agent, 1, mode); // until then it starts
  const startMs = performance.now();
  let seen: Seen = { whole: 0, torn: 0, lapped: 0 };
  for (let left = wanted; left > 0; left = wanted - seen.whole - seen.torn) {
    const more = await copyPolls(agent, Math.min(left, chunks[language]), mode);
    seen = { whole: seen.whole + more.whole, torn: seen.torn + more.torn, lapped: seen.lapped + more.lapped };
  }
  return { language, ...seen, seconds: (performance.now() - startMs) / 1000 };
}
