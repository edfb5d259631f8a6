// A server of a polling thread: what its loops learn is reported to the service's thread, which has its place in the image.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { ConnectionState, type GroupCounter, type ServerCounter } from "@cpc-partition/image/layout";
import { shownAfter, type SourceState } from "@cpc-partition/image/server-block";
import type { GroupSink, ServerSink } from "../sources/server-sink.ts";
import type { Receipt } from "../sources/source.ts";
import type { PollingReport } from "./polling-messages.ts";
import { PollRecorder } from "./recorded-poll.ts";

export interface ReportLine {
  /** The result is its number: how many there are with it. */
  report(report: PollingReport): number;
  /** So many of them the service's thread has done with. */
  readonly taken: number;
}

export class ReportedServer implements ServerSink {
  readonly groups: readonly GroupSink[];
  readonly #server: number;
  readonly #line: ReportLine;
  #shown: SourceState = { connection: ConnectionState.waiting };
  /** Of the last report that is shown. */
  #last: number | undefined;

  constructor(server: number, groups: number, line: ReportLine) {
    this.#server = server;
    this.#line = line;
    const isTaken = (number: number): boolean | undefined => this.#isTaken(number);
    this.groups = Array.from({ length: groups }, (_, group) => new ReportedGroup(server, group, line, isTaken));
  }

  /** It was told to stop when so many reports were taken. */
  stopped(taken: number): void {
    this.#last = taken;
  }

  #isTaken(number: number): boolean | undefined {
    if (this.#last !== undefined) return number <= this.#last;
    return number <= this.#line.taken ? true : undefined;
  }

  show(state: SourceState): void {
    const next = shownAfter(this.#shown, state);
    if (next === undefined) return;
    this.#shown = next;
    this.#line.report({ kind: "shown", server: this.#server, state });
  }

  showEverywhere(state: SourceState, status?: number): void {
    this.#shown = shownAfter(this.#shown, state) ?? this.#shown;
    this.#line.report({ kind: "shown everywhere", server: this.#server, state, status });
  }

  count(counter: ServerCounter): void {
    this.#line.report({ kind: "counted", server: this.#server, counter });
  }

  countFailure(failure: FailureKind): void {
    this.#line.report({ kind: "failed", server: this.#server, failure });
  }
}

/** Whether values fit into the image is seen where that is written. */
class ReportedGroup extends PollRecorder implements GroupSink {
  readonly wantsRoom = false;
  readonly isWithholding = false;
  readonly #server: number;
  readonly #group: number;
  readonly #line: ReportLine;
  readonly #isTaken: (number: number) => boolean | undefined;
  /** Of the last publication. */
  #number = 0;

  constructor(server: number, group: number, line: ReportLine, isTaken: (number: number) => boolean | undefined) {
    super();
    this.#server = server;
    this.#group = group;
    this.#line = line;
    this.#isTaken = isTaken;
  }

  publish(connection: ConnectionState, durationMs?: number | null): void {
    const place = { server: this.#server, group: this.#group };
    this.#number = this.#line.report({ kind: "published", ...place, poll: this.take(), connection, durationMs });
  }

  receipt(): Receipt {
    const number = this.#number;
    return () => this.#isTaken(number);
  }

  count(counter: GroupCounter, by = 1n): void {
    this.#line.report({ kind: "group counted", server: this.#server, group: this.#group, counter, by });
  }
}
