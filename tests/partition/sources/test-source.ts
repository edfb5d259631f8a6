// A source to schedule: its connection and its polls do what the test says, when the test says it.

import type { PointDescription } from "../../../packages/image/src/point.ts";
import type { PointSink } from "../../../packages/image/src/point-sink.ts";
import {
  pollGroups,
  type Group,
  type Session,
  type SessionReports,
  type Source,
} from "../../../packages/partition/src/sources/source.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { ServerError } from "../../../packages/partition/src/sources/server-error.ts";
import type { Log } from "../../../packages/process/src/log.ts";
import type { ImageProvider } from "../../../packages/partition/src/sources/image-generations.ts";
import { privateMemory } from "../../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../../packages/image/src/image-reader.ts";
import type { DocumentTarget } from "../../../packages/documents/src/publisher.ts";
import { pointOf } from "../../image/sample-image.ts";
import { parseDocument } from "../../documents/parse-document.ts";

type Attempt = (signal: AbortSignal) => Promise<void> | void;
type Poll = (sink: PointSink, signal: AbortSignal, group: number) => Promise<void> | void;

export class TestSource implements Source {
  readonly alias: string;
  readonly connection;
  points: readonly PointDescription[];
  intervalMs: number | undefined = undefined;
  /** Undefined: one group of all points. */
  ownGroups: readonly Group[] | undefined = undefined;
  isInsecure = undefined;
  retryIntervalMs = 30_000;
  requestLimit: number | undefined = undefined;
  /** What happened, in order. */
  readonly events: ("connect" | "poll" | "disconnect")[] = [];
  onConnect: Attempt = () => {};
  /** By default the number of the poll in every point. */
  onPoll: Poll = (sink, _signal, group) => {
    for (const index of this.groups[group]?.points.keys() ?? []) sink.setNumber(index, BuiltInType.UInt32, this.polls);
  };
  onDisconnect: () => Promise<void> | void = () => {};
  /** By default every group is polled. */
  onRun = async (reports: SessionReports, running: AbortSignal): Promise<void> =>
    await pollGroups(reports, running, async (group, sink, signal) => {
      this.events.push("poll");
      await this.onPoll(sink, signal, group);
    });

  constructor(alias: string, ...names: readonly string[]) {
    this.alias = alias;
    this.connection = { key: `Connections:${alias}`, description: "Connection status" };
    this.points = names.map((name) => pointOf(`${alias}: ${name}`));
  }

  get groups(): readonly Group[] {
    return this.ownGroups ?? [{ name: "", intervalMs: this.intervalMs, points: [...this.points.keys()] }];
  }

  get facts() {
    return { requestLimit: this.requestLimit };
  }

  get polls(): number {
    return this.events.filter((event) => event === "poll").length;
  }

  async connect(signal: AbortSignal): Promise<Session> {
    this.events.push("connect");
    await this.onConnect(signal);
    return {
      run: async (reports, running) => await this.onRun(reports, running),
      close: async () => {
        this.events.push("disconnect");
        await this.onDisconnect();
      },
    };
  }
}

export function refused(alias = "A"): never {
  throw new ServerError("ConnectionFailed", alias, "cannot reach it because nobody listens");
}

/** Ends as a client does that is told to give up. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stopped = (): void => reject(new ServerError("Stopped", "A", "cannot go on because the client was stopped"));
    if (signal.aborted) stopped();
    else signal.addEventListener("abort", stopped, { once: true });
  });
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

export function recordingLog(): { readonly lines: LogLine[]; readonly log: Log } {
  const lines: LogLine[] = [];
  return { lines, log: (level, message, fields) => void lines.push({ level, message, fields }) };
}

export type Document = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A consumer that keeps every document. */
export class Consumer implements DocumentTarget {
  capacityBytes = 100_000;
  readonly documents: Document[] = [];
  outcome: Awaited<ReturnType<DocumentTarget["publish"]>> = "Done";
  #news: (() => void) | undefined;

  publish(document: Uint8Array): ReturnType<DocumentTarget["publish"]> {
    this.documents.push(parseDocument(Buffer.from(document).toString("utf8")) as Document);
    this.#news?.();
    return Promise.resolve(this.outcome);
  }

  get last(): Document | undefined {
    return this.documents.at(-1);
  }

  /** Resolves with the first document from now on (or the last one so far) for which the condition holds. */
  async until(condition: (document: Document) => boolean): Promise<Document> {
    for (;;) {
      const { last } = this;
      if (last !== undefined && condition(last)) return last;
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }
}

/** Images in memory of this process, the last one to be looked at. */
export class OwnImages implements ImageProvider {
  readonly memories: ReturnType<typeof privateMemory>[] = [];
  announced = 0;
  released = 0;
  /** Awaited before memory is given. */
  before: () => Promise<void> | void = () => {};
  /** Called before memory gets its name. */
  beforeName: () => void = () => {};

  async allocate(imageBytes: number) {
    await this.before();
    const memory = privateMemory(imageBytes);
    this.memories.push(memory);
    return memory;
  }

  async announce(): Promise<void> {
    this.beforeName();
    this.announced++;
    await Promise.resolve();
  }

  /** Memory for a journal, to be taken once. */
  journal: ArrayBufferLike | undefined;

  takeJournal(use: (memory: ArrayBufferLike) => void): void {
    if (this.journal !== undefined) use(this.journal);
    this.journal = undefined;
  }

  release(): void {
    this.released++;
  }

  get reader(): ImageReader {
    return new ImageReader(this.memories.at(-1)!.buffer);
  }
}
