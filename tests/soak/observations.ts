// Everything that a soak has seen so far: values and their verdict, documents, counters, memory, the partition's log.

import type { Readable } from "node:stream";
import type { ConsumerReport } from "./consumer-process.ts";
import type { WatcherReport } from "./image-watcher-process.ts";
import { Judge } from "./judge.ts";
import type { HeapReport } from "./partition-process.ts";
import { intervalMs, oldestGoodMs, recoveryMs, servers, type Protocol } from "./plan.ts";
import { stateOfProcess } from "./process-state.ts";
import type { ServerReport } from "./server-messages.ts";
import type { Sample } from "./slope.ts";

/** Nobody disturbs the one; the visitors are at the other. */
export type Consumer = "steady" | "disturbed";

export interface Documents {
  read: number;
  unreadable: number;
  judged: number;
  oldestMs: number;
}

export class Observations {
  readonly judge = new Judge(
    servers.map(({ alias, protocol, firstPlace, points }) => ({
      alias,
      service: protocol,
      firstPlace,
      points,
      intervalMs,
      oldestGoodMs: oldestGoodMs(protocol),
      recoveryMs: recoveryMs[protocol],
    })),
  );
  readonly documents: Readonly<Record<Consumer, Documents>> = { steady: noDocuments(), disturbed: noDocuments() };
  /** The last look at each image. */
  readonly images = new Map<Protocol, Extract<WatcherReport, { kind: "look" }>>();
  /** What servers answered, by kind. */
  readonly answers = new Map<string, number>();
  /** Of the partition's process, by what was measured. */
  readonly series = new Map<string, Sample[]>();
  /** By message. */
  readonly errorRecords = new Map<string, number>();
  /** What should not have ended and did. */
  readonly ended: string[] = [];
  longestHeartbeatMs = 0;
  /** The longest time that the soak's own process was held up. */
  longestHoldUpMs = 0;
  readonly #published = new Set<string>();
  #hasBegun = false;

  get haveAllPublished(): boolean {
    return this.#published.size === servers.length;
  }

  /** What is slow or large before is of no interest. */
  begin(): void {
    this.judge.begin(Date.now());
    this.#hasBegun = true;
  }

  served(report: ServerReport): void {
    if (report.kind !== "injected") return;
    count(this.answers, report.what);
    this.judge.injected(report);
  }

  watched(protocol: Protocol, report: WatcherReport): void {
    if (report.kind === "publication") {
      this.#published.add(report.publication.server);
      this.judge.publication(report.publication);
      return;
    }
    this.images.set(protocol, report);
    if (this.#hasBegun) this.longestHeartbeatMs = Math.max(this.longestHeartbeatMs, report.heartbeatAgeMs);
  }

  consumed(consumer: Consumer, { read, unreadable, judged, oldestMs, wrong }: ConsumerReport): void {
    const documents = this.documents[consumer];
    documents.read += read;
    documents.unreadable += unreadable;
    documents.judged += judged;
    documents.oldestMs = Math.max(documents.oldestMs, oldestMs);
    for (const what of wrong) this.judge.wrong(Date.now(), what);
  }

  weighed({ bytes }: HeapReport): void {
    for (const [thread, value] of Object.entries(bytes)) this.#sample(`heap in use, ${thread}`, value);
  }

  sampleProcess(processId: number): void {
    const { rssBytes, descriptors, mappings, sharedMappings } = stateOfProcess(processId);
    this.#sample("resident memory", rssBytes);
    this.#sample("descriptors", descriptors);
    this.#sample("mappings", mappings);
    this.#sample("mappings of shared memory", sharedMappings);
  }

  /** Remembers its errors, and what is no record of a log at all. */
  readLog(log: Readable): void {
    let rest = "";
    log.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const isError = line.includes('"level":50') || !line.startsWith("{");
        if (isError) count(this.errorRecords, /"msg":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line);
      }
    });
  }

  get progress(): string {
    const { due, delivered, judged, wrongAsGood, oldestGoodMs: oldestMs } = this.judge.verdict;
    const rssMiB = Math.round((this.series.get("resident memory")?.at(-1)?.value ?? 0) / 2 ** 20);
    return `${due} due, ${due - delivered} missing, ${judged} judged, ${wrongAsGood} wrong, oldest ${oldestMs} ms, RSS ${rssMiB} MiB`;
  }

  #sample(name: string, value: number): void {
    if (!this.#hasBegun) return;
    const samples = this.series.get(name) ?? [];
    this.series.set(name, samples);
    samples.push({ atMs: Date.now(), value });
  }
}

function noDocuments(): Documents {
  return { read: 0, unreadable: 0, judged: 0, oldestMs: 0 };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
