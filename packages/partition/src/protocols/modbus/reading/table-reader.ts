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
import type { Answer, Exchange } from "../connection/exchange.ts";
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

export class TableReader {
  readonly #table: Table;
  readonly #refusals: Refusals;
  readonly #bearable = new BearableLength();
  #nowMs = 0;
  #searched = 0;
  #hasData = false;
  /** Exceptions that are no refusals, with the polls in a row in which they came. */
  #excuses = new Map<number, number>();
  readonly #excusesNow = new Set<number>();

  /** What is refused is tried again after `firstRoundMs`, then after twice as long each time, up to ten minutes. */
  constructor(table: Table, maxGap: number, firstRoundMs: number) {
    this.#table = table;
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
    return [...this.#excuses].filter(([, polls]) => polls >= POLLS_UNTIL_LASTING).map(([code]) => code);
  }

  /** No refusal of a point is in doubt, and none is being looked for. */
  get isSettled(): boolean {
    return this.#searched === 0 && this.#refusals.isSettled;
  }

  /** The most addresses of one request that the device was found to answer; undefined when it has not refused a length. */
  get learnedLimit(): number | undefined {
    const { learnedLimit } = this.#refusals;
    const bearable = this.#bearable.limit;
    return learnedLimit === undefined || bearable === undefined
      ? (learnedLimit ?? bearable)
      : Math.min(learnedLimit, bearable);
  }

  /** It does not refuse long requests but leaves them without an answer. */
  get isSilentOnLong(): boolean {
    return this.#bearable.limit !== undefined && this.learnedLimit === this.#bearable.limit;
  }

  /**
   * Reads every point once. The result is the last answer; one that says that the unit id is silent or absent (`endsUnit`) ended
   * the reading early, and the points that were not reached have not been touched. `nowMs` is monotonic.
   */
  async read(exchange: Exchange, sink: PointSink, nowMs: number): Promise<Answer | undefined> {
    this.#searched = 0;
    this.#hasData = false;
    this.#nowMs = nowMs;
    const refusals = this.#refusals;
    const due = refusals.dueAt(nowMs);
    let answer: Answer | undefined;
    const mostAddresses = this.#bearable.at(nowMs);
    let requests = this.#cut(refusals.requests, mostAddresses);
    for (let place = 0; place < requests.length; place++) {
      const limit = refusals.learnedLimit;
      answer = await this.#read(requests[place] as ReadRequest, exchange, sink);
      if (endsUnit(answer)) break;
      if (refusals.learnedLimit !== limit) {
        requests = this.#cut(refusals.plan(requests.slice(place + 1).flatMap(({ points }) => points)), mostAddresses);
        place = -1;
      }
    }
    refusals.planAnew(nowMs);
    this.#countExcuses();
    if (answer !== undefined && endsUnit(answer)) return answer;
    for (const refusal of due) {
      if (refusal.request.quantity > mostAddresses && bisect(refusal.request) !== undefined) continue;
      answer = await this.#exchange(refusal.request, exchange, sink);
      if (endsUnit(answer)) return answer;
      refusals.tried(refusal, answer, nowMs);
    }
    for (const { request, code } of refusals.points) setStatus(request.points, exceptionStatus(code), sink);
    return answer;
  }

  /** The device is another one, or may be. */
  forget(): void {
    this.#refusals.forget();
  }

  /** Gives all points a bad status. */
  mark(status: number, sink: PointSink): void {
    setStatus(this.#table.points, status, sink);
  }

  #cut(requests: readonly ReadRequest[], mostAddresses: number): readonly ReadRequest[] {
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

  async #read(request: ReadRequest, exchange: Exchange, sink: PointSink): Promise<Answer> {
    const first = await this.#exchange(request, exchange, sink);
    if (first.kind === "data") return first;
    const answer = refusalOf(first) === undefined ? first : await this.#exchange(request, exchange, sink);
    return await this.#believe(request, answer, exchange, sink);
  }

  /** Takes a refusal, or another exception, for what it says. */
  async #believe(request: ReadRequest, answer: Answer, exchange: Exchange, sink: PointSink): Promise<Answer> {
    const refused = refusalOf(answer);
    if (refused !== undefined) return await this.#search(request, refused, exchange, sink);
    if (answer.kind === "exception" && !endsUnit(answer)) {
      setStatus(request.points, exceptionStatus(answer.code), sink);
      this.#excusesNow.add(answer.code);
    }
    return answer;
  }

  /** `request` was refused. The result is an answer to the whole of it. */
  async #search(request: ReadRequest, refused: Refused, exchange: Exchange, sink: PointSink): Promise<Answer> {
    const halves = bisect(request);
    if (halves === undefined) {
      this.#refusals.addPoint(request, refused.code);
      return refused;
    }
    let areBothFine = true;
    for (const half of halves) {
      if (this.#searched >= (this.#hasData ? MOST_SEARCHING : MOST_SEARCHING_IN_VAIN)) {
        setStatus(half.points, exceptionStatus(refused.code), sink);
        areBothFine = false;
        continue;
      }
      this.#searched++;
      const isTooLong = half.quantity > (this.#refusals.learnedLimit ?? Infinity);
      const answers = isTooLong
        ? await this.#readAll(this.#refusals.plan(half.points), exchange, sink)
        : await this.#readHalf(half, exchange, sink);
      if (endsUnit(answers)) return answers;
      areBothFine &&= !isTooLong && answers.kind === "data";
    }
    if (!areBothFine) return refused;
    // Only what is refused a third time, while both halves are there, is too long or has a gap.
    const again = await this.#exchange(request, exchange, sink);
    const refusedAgain = refusalOf(again);
    if (refusedAgain !== undefined) this.#refusals.addBorder(request, halves, refusedAgain.code);
    return again;
  }

  async #readHalf(half: ReadRequest, exchange: Exchange, sink: PointSink): Promise<Answer> {
    // A single point is believed to be refused only when it was asked for twice.
    if (bisect(half) === undefined) return await this.#read(half, exchange, sink);
    return await this.#believe(half, await this.#exchange(half, exchange, sink), exchange, sink);
  }

  async #readAll(requests: readonly ReadRequest[], exchange: Exchange, sink: PointSink): Promise<Answer> {
    let answer: Answer = { kind: "data" };
    for (const request of requests) {
      answer = await this.#read(request, exchange, sink);
      if (endsUnit(answer)) break;
    }
    return answer;
  }

  async #exchange(request: ReadRequest, exchange: Exchange, sink: PointSink): Promise<Answer> {
    try {
      const answer = await this.#send(request, exchange, sink);
      if (answer.kind === "timeout" || !endsUnit(answer)) this.#noteLength(request, answer.kind !== "timeout");
      return answer;
    } catch (error) {
      if (error instanceof ServerError && endsLongRequest.has(error.code)) this.#noteLength(request, false);
      throw error;
    }
  }

  #noteLength(request: ReadRequest, isAnswered: boolean): void {
    if (isAnswered) this.#bearable.answered(request.quantity, this.#nowMs);
    else this.#bearable.silent(request.quantity, bisect(request) === undefined, this.#nowMs);
  }

  async #send(request: ReadRequest, exchange: Exchange, sink: PointSink): Promise<Answer> {
    const answer = await exchange(this.#table.unitId, request, (bytes, dataOffset) => {
      this.#hasData = true;
      sink.responseCame();
      for (const point of request.points) {
        point.decode(bytes, dataOffset, point.address - request.address, sink, point.index);
      }
    });
    if (answer.kind === "exception") sink.responseCame();
    return answer;
  }
}

/** True when there is no point in asking this unit id for more: nobody is there. */
export function endsUnit(answer: Answer): boolean {
  return answer.kind === "timeout" || (answer.kind === "exception" && unitIsAbsent(answer.code));
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
