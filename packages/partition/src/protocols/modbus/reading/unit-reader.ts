// One unit id: a device of its own behind a shared connection. When nobody is there, it is left alone for a while, so that its
// time-outs cost the neighbours one wait and not one in every poll.

import type { PointSink } from "@cpc-partition/image/point-sink";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import type { Answer, Consume, Exchange } from "../connection/exchange.ts";
import { inLanes, WorkQueue } from "./in-lanes.ts";
import type { ReadRequest } from "./read-plan.ts";
import { absenceStatus, endsUnit, type AskedUnit, type TableReader } from "./table-reader.ts";

const skipped = Promise.resolve<Answer>({ kind: "skipped" });

/** Gateways say now and then that a device did not answer them; it costs no time-out, so it is believed only when it lasts. */
const ABSENCES_BEFORE_DEMOTION = 3;

interface Demotion {
  /** Both monotonic. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly answer: Answer;
}

/** "answered": all requests were. "partly": some were, another was not. "idle": there was nothing to ask, because the device has refused every point. */
export type UnitOutcome = "answered" | "silent" | "partly" | "idle";

/** What a poll of a unit id needs. */
export interface UnitPoll {
  readonly exchange: Exchange;
  readonly sink: PointSink;
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
}

export class UnitReader implements AskedUnit {
  readonly unitId: number;
  readonly tables: readonly TableReader[];
  readonly #retryIntervalMs: number;
  readonly #width: number;
  /** Of one poll: what is left, what came, and the answer after which no other request is sent: nobody is there. */
  readonly #tablesLeft = new WorkQueue<TableReader>();
  #hasTimeout = false;
  #hasReply = false;
  #poll!: UnitPoll;
  #end: Answer | undefined;
  #demotion: Demotion | undefined;
  #hasAnswered = false;
  /** How often in a row a gateway has said that nobody is there. */
  #absences = 0;
  /** Of whoever runs the polls: the stretch of them in which it was read last. */
  readIn = 0;

  /** `width`: requests that are asked at a time. */
  constructor(unitId: number, tables: readonly TableReader[], retryIntervalMs: number, width: number) {
    this.#width = width;
    this.unitId = unitId;
    this.tables = tables;
    this.#retryIntervalMs = retryIntervalMs;
  }

  /** When it may be asked again; undefined: it is asked in every poll. */
  get demotedUntilMs(): number | undefined {
    return this.#demotion?.untilMs;
  }

  /** Why it is not asked in every poll: nothing came in time, or what its gateway says. */
  get absence(): Answer | undefined {
    return this.#demotion?.answer;
  }

  /** It answered when it was asked last, on this connection: it is expected to do so again. */
  get isAnswering(): boolean {
    return this.#hasAnswered && this.#demotion === undefined;
  }

  /** Reads every point once, and says then what became of it. A unit id that is silent, or absent several times in a row, is demoted. */
  async read(poll: UnitPoll, ended: (unit: UnitReader, outcome: UnitOutcome) => void): Promise<void> {
    this.#begin(poll);
    await inLanes(this.#tablesLeft, this.#width, this.#readTable);
    if (this.#end !== undefined) this.#noteAbsence(this.#end, poll.clock());
    else {
      this.#demotion = undefined;
      this.#absences = 0;
      this.#hasAnswered = true;
    }
    ended(this, this.#outcome());
  }

  #begin(poll: UnitPoll): void {
    this.#poll = poll;
    this.#hasTimeout = false;
    this.#hasReply = false;
    this.#end = undefined;
    this.#tablesLeft.fill(this.tables);
  }

  get sink(): PointSink {
    return this.#poll.sink;
  }

  ask(request: ReadRequest, consume: Consume): Promise<Answer> {
    return this.#isOver() ? skipped : this.#poll.exchange.request(this.unitId, request, consume, this.#isOver);
  }

  answered(answer: Answer): void {
    this.#poll.exchange.answered(answer);
    if (answer.kind === "skipped") return;
    if (answer.kind === "timeout") this.#hasTimeout = true;
    else this.#hasReply = true;
    if (this.#end !== undefined || !endsUnit(answer)) return;
    this.#end = answer;
    this.#tablesLeft.clear();
  }

  readonly #isOver = (): boolean => this.#end !== undefined;

  readonly #readTable = (table: TableReader): Promise<unknown> => table.read(this, this.#poll.clock());

  #outcome(): UnitOutcome {
    if (this.#hasTimeout) return this.#hasReply ? "partly" : "silent";
    return this.#hasReply ? "answered" : "idle";
  }

  #noteAbsence(answer: Answer, sinceMs: number): void {
    this.#absences = answer.kind === "exception" ? this.#absences + 1 : 0;
    const status = absenceStatus(answer);
    this.#demotion =
      answer.kind === "timeout" || this.#absences >= ABSENCES_BEFORE_DEMOTION
        ? { sinceMs, untilMs: sinceMs + this.#retryIntervalMs, answer }
        : undefined;
    for (const table of this.tables) table.mark(status, this.sink);
  }

  /** No time is left for it in this poll: what it said in an earlier one is too old by now. */
  markSkipped(sink: PointSink): void {
    for (const table of this.tables) table.mark(StatusCode.BadWaitingForInitialData, sink);
  }

  /** The connection turned out to be dead: silence since then was no fault of this unit id. */
  clearDemotion(sinceMs: number): void {
    if (this.#demotion !== undefined && this.#demotion.sinceMs >= sinceMs) this.#demotion = undefined;
  }

  /** Says in the sink why the points are not read. */
  markDemoted(sink: PointSink): void {
    if (this.#demotion === undefined) return;
    const status = absenceStatus(this.#demotion.answer);
    for (const table of this.tables) table.mark(status, sink);
  }

  /** On a new connection: nobody has answered, and what was refused may be allowed now. Who was silent stays so until his time. */
  forget(): void {
    this.#hasAnswered = false;
    for (const table of this.tables) table.forget();
  }
}
