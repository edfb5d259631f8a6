// A server of a polling thread: what its loops learn is reported to the service's thread, which has its place in the image.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { ConnectionState, type GroupCounter, type ServerCounter } from "@cpc-partition/image/layout";
import { shownAfter, type SourceState } from "@cpc-partition/image/server-block";
import type { GroupSink, ServerSink } from "../sources/server-sink.ts";
import type { PollingReport } from "./polling-messages.ts";
import { PollRecorder } from "./recorded-poll.ts";

export type Report = (report: PollingReport) => void;

export class ReportedServer implements ServerSink {
  readonly groups: readonly GroupSink[];
  readonly #server: number;
  readonly #report: Report;
  #shown: SourceState = { connection: ConnectionState.waiting };

  constructor(server: number, groups: number, report: Report) {
    this.#server = server;
    this.#report = report;
    this.groups = Array.from({ length: groups }, (_, group) => new ReportedGroup(server, group, report));
  }

  show(state: SourceState): void {
    const next = shownAfter(this.#shown, state);
    if (next === undefined) return;
    this.#shown = next;
    this.#report({ kind: "shown", server: this.#server, state });
  }

  showEverywhere(state: SourceState, status?: number): void {
    this.#shown = shownAfter(this.#shown, state) ?? this.#shown;
    this.#report({ kind: "shown everywhere", server: this.#server, state, status });
  }

  count(counter: ServerCounter): void {
    this.#report({ kind: "counted", server: this.#server, counter });
  }

  countFailure(failure: FailureKind): void {
    this.#report({ kind: "failed", server: this.#server, failure });
  }
}

/** Whether values fit into the image is seen where that is written. */
class ReportedGroup extends PollRecorder implements GroupSink {
  readonly wantsRoom = false;
  readonly isWithholding = false;
  readonly #server: number;
  readonly #group: number;
  readonly #report: Report;

  constructor(server: number, group: number, report: Report) {
    super();
    this.#server = server;
    this.#group = group;
    this.#report = report;
  }

  publish(connection: ConnectionState, durationMs?: number | null): void {
    const place = { server: this.#server, group: this.#group };
    this.#report({ kind: "published", ...place, poll: this.take(), connection, durationMs });
  }

  count(counter: GroupCounter, by = 1n): void {
    this.#report({ kind: "group counted", server: this.#server, group: this.#group, counter, by });
  }
}
