// Reads all points of one unit id and function, and finds out what the device refuses.
//
// A range that is refused is asked for once more, since some devices refuse now and then what they answer a moment later. When it is refused
// again it is cut in two, each half is tried, and so on down to single points. A poll searches so far and no further, and the next ones go on: everything readable is soon read.
// `Refusals` keeps what came of it, and shapes the requests of the polls after it.

import { StatusCode } from "@cpc-partition/image/values/status-code";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { ServerError } from "../../../sources/server-error.ts";
import { BearableLength } from "./bearable-length.ts";
import { exceptionStatus, refusesRange, unitIsAbsent } from "../exception-status.ts";
import type { Answer, Consume } from "../connection/exchange.ts";
import { inLanes, WorkQueue } from "./in-lanes.ts";
import { bisect, coalesce, type PlannedPoint, type ReadRequest, type Table } from "./read-plan.ts";
import { Refusals, type Refusal } from "./refusals.ts";

/** Requests of one poll that only look for what is refused: the values of everybody else get older meanwhile. */
const MOST_SEARCHING = 64;
/** The same while nothing at all was answered: the device is out of order, it seems. */
const MOST_SEARCHING_IN_VAIN = 16;

/** An exception that is no refusal (busy, say) is worth telling when it came in so many polls in a row. */
const POLLS_UNTIL_LASTING = 3;

/** How a request ends that a device cannot bear, when it says nothing: also the connection does not outlive it. */
const endsLongRequest: ReadonlySet<string> = new Set(["Timeout", "ConnectionFailed"]);

type Refused = Extract<Answer, { readonly kind: "exception" }>;

/** The unit id that a table belongs to, during a poll. */
export interface AskedUnit {
  /** Sends one request; rejects when the connection can no longer be relied on. */
  ask(request: ReadRequest, consume: Consume): Promise<Answer>;
  /** To be called with each answer. */
  answered(answer: Answer): void;
  readonly sink: PointSink;
}

export class TableReader {
  readonly #table: Table;
  readonly #refusals: Refusals;
  readonly #bearable = new BearableLength();
  readonly #width: number;
  /** Of one poll, which is read at a time: the requests that are left, the unit id that is asked, and what was answered so far. */
  readonly #requests = new WorkQueue<ReadRequest>();
  #unit!: AskedUnit;
  #last: Answer | undefined;
  #end: Answer | undefined;
  #mostAddresses = Infinity;
  /** The limit that the requests which are left keep to. */
  #plannedLimit: number | undefined;
  #nowMs = 0;
  #searched = 0;
  #hasData = false;
  /** Requests that are silent together are silent once. */
  #isSilenceNoted = false;
  /** Exceptions that are no refusals, with the polls in a row in which they came. */
  #excuses = new Map<number, number>();
  readonly #excusesNow = new Set<number>();

  /**
   * What is refused is tried again after `firstRoundMs`, then after twice as long each time, up to ten minutes. `width` requests are asked at
   * a time.
   */
  constructor(table: Table, maxGap: number, firstRoundMs: number, width: number) {
    this.#table = table;
    this.#width = width;
    this.#refusals = new Refusals(table, maxGap, firstRoundMs);
  }

  get table(): Table {
    return this.#table;
  }

  /** Points that the device refuses by themselves. */
  get refusedPoints(): readonly Refusal[] {
    return this.#refusals.points;
  }

  /** Codes of exceptions that refuse nothing and still come in every poll. */
  get lastingExcuses(): readonly number[] {
    if (this.#excuses.size === 0) return [];
    return [...this.#excuses].filter(([, polls]) => polls >= POLLS_UNTIL_LASTING).map(([code]) => code);
  }

  /** No refusal of a point is in doubt, and none is being looked for. */
  get isSettled(): boolean {
    return this.#searched === 0 && this.#refusals.isSettled;
  }

  /** The most addresses of one request that the device was found to answer; undefined when it has not refused a length. */
  get requestLimit(): number | undefined {
    const { requestLimit } = this.#refusals;
    const bearable = this.#bearable.limit;
    return requestLimit === undefined || bearable === undefined
      ? (requestLimit ?? bearable)
      : Math.min(requestLimit, bearable);
  }

  /** It does not refuse long requests but leaves them without an answer. */
  get isSilentOnLong(): boolean {
    return this.#bearable.limit !== undefined && this.requestLimit === this.#bearable.limit;
  }

  /**
   * Reads every point once. The result is the last answer; one that says that the unit id is silent or absent (`endsUnit`) ended
   * the reading early, and the points that were not reached have not been touched. `nowMs` is monotonic.
   */
  async read(unit: AskedUnit, nowMs: number): Promise<Answer | undefined> {
    const refusals = this.#refusals;
    this.#begin(unit, nowMs);
    const due = refusals.dueAt(nowMs);
    await inLanes(this.#requests, this.#width, this.#readPlanned);
    refusals.planAnew(nowMs);
    this.#countExcuses();
    if (this.#end !== undefined) return this.#end;
    if (due.length > 0) {
      await this.#tryAgain(due, nowMs);
      if (this.#last !== undefined && endsUnit(this.#last)) return this.#last;
    }
    for (const { request, code } of refusals.points) setStatus(request.points, exceptionStatus(code), unit.sink);
    return this.#last;
  }

  /** What was refused before. */
  async #tryAgain(due: readonly Refusal[], nowMs: number): Promise<void> {
    for (const refusal of due) {
      if (refusal.request.quantity > this.#mostAddresses && bisect(refusal.request) !== undefined) continue;
      this.#last = await this.#exchange(refusal.request);
      if (endsUnit(this.#last)) return;
      this.#refusals.tried(refusal, this.#last, nowMs);
    }
  }

  #begin(unit: AskedUnit, nowMs: number): void {
    this.#unit = unit;
    this.#last = undefined;
    this.#end = undefined;
    this.#searched = 0;
    this.#hasData = false;
    this.#isSilenceNoted = false;
    this.#nowMs = nowMs;
    this.#mostAddresses = this.#bearable.at(nowMs);
    this.#plannedLimit = this.#refusals.requestLimit;
    this.#requests.fill(this.#cut(this.#refusals.requests));
  }

  /** A request of the plan, and what searching for refusals makes of it. One that ends the unit id is the last. */
  readonly #readPlanned = async (request: ReadRequest): Promise<void> => {
    let answer: Answer;
    try {
      answer = this.#noted(request, await this.#ask(request));
    } catch (error) {
      throw this.#noteFailure(request, error);
    }
    if (answer.kind !== "data") answer = await this.#confirm(request, answer);
    this.#last = answer;
    if (endsUnit(answer)) {
      this.#end ??= answer;
      this.#requests.clear();
    }
    const refusals = this.#refusals;
    if (refusals.requestLimit === this.#plannedLimit) return;
    this.#plannedLimit = refusals.requestLimit;
    this.#requests.fill(this.#cut(refusals.plan(this.#requests.rest.flatMap(({ points }) => points))));
  };

  /** The device is another one, or may be. */
  forget(): void {
    this.#refusals.forget();
  }

  /** Gives all points a bad status. */
  mark(status: number, sink: PointSink): void {
    setStatus(this.#table.points, status, sink);
  }

  #cut(requests: readonly ReadRequest[]): readonly ReadRequest[] {
    const mostAddresses = this.#mostAddresses;
    if (mostAddresses === Infinity) return requests;
    if (requests.every(({ quantity }) => quantity <= mostAddresses)) return requests;
    const { functionCode } = this.#table;
    const bounds = { maxQuantity: mostAddresses, maxGap: Infinity, refused: [] }; // nothing new is bridged
    return requests.flatMap((request) =>
      request.quantity <= mostAddresses ? [request] : coalesce(functionCode, request.points, bounds),
    );
  }

  #countExcuses(): void {
    if (this.#excuses.size === 0 && this.#excusesNow.size === 0) return;
    this.#excuses = new Map(Array.from(this.#excusesNow, (code) => [code, (this.#excuses.get(code) ?? 0) + 1]));
    this.#excusesNow.clear();
  }

  async #read(request: ReadRequest): Promise<Answer> {
    return await this.#confirm(request, await this.#exchange(request));
  }

  /** Asks once more after a refusal. */
  async #confirm(request: ReadRequest, first: Answer): Promise<Answer> {
    if (first.kind === "data") return first;
    const answer = refusalOf(first) === undefined ? first : await this.#exchange(request);
    return await this.#believe(request, answer);
  }

  /** Takes a refusal, or another exception, for what it says. */
  async #believe(request: ReadRequest, answer: Answer): Promise<Answer> {
    const refused = refusalOf(answer);
    if (refused !== undefined) return await this.#search(request, refused);
    if (answer.kind === "exception" && !endsUnit(answer)) {
      setStatus(request.points, exceptionStatus(answer.code), this.#unit.sink);
      this.#excusesNow.add(answer.code);
    }
    return answer;
  }

  /** `request` was refused. The result is an answer to the whole of it. */
  async #search(request: ReadRequest, refused: Refused): Promise<Answer> {
    const halves = bisect(request);
    if (halves === undefined) {
      this.#refusals.addPoint(request, refused.code);
      return refused;
    }
    let areBothFine = true;
    for (const half of halves) {
      if (this.#searched >= (this.#hasData ? MOST_SEARCHING : MOST_SEARCHING_IN_VAIN)) {
        setStatus(half.points, exceptionStatus(refused.code), this.#unit.sink);
        areBothFine = false;
        continue;
      }
      this.#searched++;
      const isTooLong = half.quantity > (this.#refusals.requestLimit ?? Infinity);
      const answers = isTooLong ? await this.#readAll(this.#refusals.plan(half.points)) : await this.#readHalf(half);
      if (endsUnit(answers)) return answers;
      areBothFine &&= !isTooLong && answers.kind === "data";
    }
    if (!areBothFine) return refused;
    // Only what is refused a third time, while both halves are there, is too long or has a gap.
    const again = await this.#exchange(request);
    const refusedAgain = refusalOf(again);
    if (refusedAgain !== undefined) this.#refusals.addBorder(request, halves, refusedAgain.code);
    return again;
  }

  async #readHalf(half: ReadRequest): Promise<Answer> {
    // A single point is believed to be refused only when it was asked for twice.
    if (bisect(half) === undefined) return await this.#read(half);
    return await this.#believe(half, await this.#exchange(half));
  }

  async #readAll(requests: readonly ReadRequest[]): Promise<Answer> {
    let answer: Answer = { kind: "data" };
    for (const request of requests) {
      answer = await this.#read(request);
      if (endsUnit(answer)) break;
    }
    return answer;
  }

  async #exchange(request: ReadRequest): Promise<Answer> {
    try {
      return this.#noted(request, await this.#ask(request));
    } catch (error) {
      throw this.#noteFailure(request, error);
    }
  }

  #ask(request: ReadRequest): Promise<Answer> {
    const { sink } = this.#unit;
    return this.#unit.ask(request, (bytes, dataOffset) => {
      this.#hasData = true;
      sink.responseCame();
      for (const point of request.points) {
        point.decode(bytes, dataOffset, point.address - request.address, sink, point.index);
      }
    });
  }

  #noted(request: ReadRequest, answer: Answer): Answer {
    const unit = this.#unit;
    unit.answered(answer);
    if (answer.kind === "exception") unit.sink.responseCame();
    if (answer.kind === "timeout") this.#noteLength(request, false);
    else if (!endsUnit(answer)) this.#noteLength(request, true);
    return answer;
  }

  #noteFailure(request: ReadRequest, error: unknown): unknown {
    if (error instanceof ServerError && endsLongRequest.has(error.code)) this.#noteLength(request, false);
    return error;
  }

  #noteLength(request: ReadRequest, isAnswered: boolean): void {
    if (isAnswered) this.#bearable.answered(request.quantity, this.#nowMs);
    else if (!this.#isSilenceNoted) {
      this.#isSilenceNoted = true;
      this.#bearable.silent(request.quantity, bisect(request) === undefined, this.#nowMs);
    }
  }
}

/** True when there is no point in asking this unit id for more: nobody is there. */
export function endsUnit(answer: Answer): boolean {
  return (
    answer.kind === "timeout" || answer.kind === "skipped" || (answer.kind === "exception" && unitIsAbsent(answer.code))
  );
}

/** The status that goes with an answer for which `endsUnit` is true. */
export function absenceStatus(answer: Answer): number {
  return answer.kind === "exception" ? exceptionStatus(answer.code) : StatusCode.BadTimeout;
}

function refusalOf(answer: Answer): Refused | undefined {
  return answer.kind === "exception" && refusesRange(answer.code) ? answer : undefined;
}

function setStatus(points: readonly PlannedPoint[], status: number, sink: PointSink): void {
  for (const point of points) sink.setStatus(point.index, status);
}
