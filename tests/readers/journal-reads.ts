// A writer of a journal at full speed, and readers of it in other processes, at once.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { AgentProcess, type Language } from "./agents/agent-process.ts";
import { uniqueName } from "./test-writer.ts";

const entry = fileURLToPath(new URL("journal-pattern-writer.ts", import.meta.url));

/** What a reader made of the journal. */
export interface JournalReading {
  readonly language: Language;
  readonly read: number;
  /** As the reader itself says. */
  readonly lost: number;
  /** Changes that are not what was written. */
  readonly torn: number;
  /** Changes whose number is not the one before, plus one, plus what was said to be lost. */
  readonly unsaid: number;
}

/** So many changes for each command: a second or so, between which the agent can be stopped. */
const chunks: Readonly<Record<Language, number>> = { C: 500_000, Node: 100_000, Python: 10_000 };

/** Each reader from the first change to the last one of `count`. */
export async function readJournals(
  languages: readonly Language[],
  count: number,
  ringBytes: number,
): Promise<{ readonly readings: readonly JournalReading[]; readonly seconds: number }> {
  const name = uniqueName().replace(/image$/, "journal");
  const writer = fork(entry, [name, String(ringBytes), String(count)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  try {
    await once(writer, "message"); // the journal is there, and empty
    await using agents = new AsyncDisposableStack();
    const readers = languages.map((language) => agents.use(new AgentProcess(language, name)));
    for (const reader of readers) await reader.ask(`follow ${name} oldest`);
    const startMs = performance.now();
    writer.send("go");
    const readings = await Promise.all(readers.map((reader) => readAll(reader, count)));
    return { readings, seconds: (performance.now() - startMs) / 1000 };
  } finally {
    writer.kill("SIGKILL");
    SharedMemoryObject.remove(name);
  }
}

async function readAll(agent: AgentProcess, count: number): Promise<JournalReading> {
  let [read, lost, torn, unsaid] = [0, 0, 0, 0];
  while (read + lost < count) {
    const answer = (await agent.ask(`changes ${chunks[agent.language]}`)).join();
    const found = /^read (\d+) lost (\d+) torn (\d+) unsaid (\d+)$/.exec(answer)?.slice(1).map(Number);
    if (found === undefined)
      throw new TypeError(`expected counts from the reader in ${agent.language}, got "${answer}"`);
    read += found[0] ?? 0;
    lost += found[1] ?? 0;
    torn += found[2] ?? 0;
    unsaid += found[3] ?? 0;
  }
  if (read + lost !== count) throw new RangeError(`${agent.language}: ${read} read and ${lost} lost are not ${count}`);
  return { language: agent.language, read, lost, torn, unsaid };
}
