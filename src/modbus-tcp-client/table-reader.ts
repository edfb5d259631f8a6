// Reads all points of one unit id and function, and learns what the device refuses.
//
// When a range is answered with exception 02 or 03 it is cut in two, each half is tried, and so on down to single points: in
// that very poll everything readable is read. What was learned shapes the requests of the polls after it:
//
//   a point refused by itself                     -> not asked for any more, and no request reaches over its addresses
//   both halves fine, a gap between them          -> the gap is to blame; no request bridges it any more
//   both halves fine, nothing between them        -> the length is to blame; no request is longer than the longer half
//
// A device may get an address later (its program was loaded meanwhile), so refused points are tried again now and then, one a
// poll; the first that is answered makes the reader forget all it learned.

import { StatusCode } from "../point/status-code.ts";
import type { PointSink } from "../point/point-sink.ts";
import { exceptionStatus, refusesRange, unitIsAbsent } from "./exception-status.ts";
import type { Answer, Exchange } from "./exchange.ts";
import {
  coalesce,
  requestFor,
  type AddressRange,
  type PlannedPoint,
  type ReadRequest,
  type Table,
} from "./read-plan.ts";

/** Longest rest between two rounds of trying refused points again. */
const MAX_ROUND_INTERVAL_MS = 600_000;

interface RefusedPoints {
  readonly request: ReadRequest;
  readonly status: number;
}

export class TableReader {
  readonly #table: Table;
  readonly #maxGap: number;
  readonly #firstRoundMs: number;
  #requests: readonly ReadRequest[];
  #maxQuantity: number;
  #refusedPoints: RefusedPoints[] = [];
  #refusedRanges: AddressRange[] = [];
  #hasLearned = false;
  #roundsTried = 0;
  #nextToTry = 0;
  #nextRoundMs = 0;

  /** Refused points are tried again after `firstRoundMs`, then after twice as long each time, up to ten minutes. */
  constructor(table: Table, maxGap: number, firstRoundMs: number) {
    this.#table = table;
    this.#maxGap = maxGap;
    this.#firstRoundMs = firstRoundMs;
    this.#requests = table.requests;
    this.#maxQuantity = table.maxQuantity;
  }

  /**
   * Reads every point once. The result is the last answer; one that says that the unit id is silent or absent (`endsUnit`) ended
   * the reading early, and the points that were not reached have not been touched. `nowMs` is monotonic.
   */
  async read(exchange: Exchange, sink: PointSink, nowMs: number): Promise<Answer | undefined> {
    let answer: Answer | undefined;
    for (const request of this.#requests) {
      answer = await this.#readRequest(request, exchange, sink);
      if (endsUnit(answer)) break;
    }
    if (this.#hasLearned) this.#planAnew(nowMs);
    if (answer !== undefined && endsUnit(answer)) return answer;
    if (this.#refusedPoints.length > 0) {
      if (nowMs >= this.#nextRoundMs) answer = await this.#tryRefused(exchange, sink, nowMs);
      for (const { request, status } of this.#refusedPoints) setStatus(request.points, status, sink);
    }
    return answer;
  }

  /** The device is another one, or may be. */
  forget(): void {
    this.#requests = this.#table.requests;
    this.#maxQuantity = this.#table.maxQuantity;
    this.#refusedPoints = [];
    this.#refusedRanges = [];
    this.#hasLearned = false;
    this.#nextToTry = 0;
    this.#roundsTried = 0;
  }

  /** Gives all points a bad status. */
  mark(status: number, sink: PointSink): void {
    setStatus(this.#table.points, status, sink);
  }

  async #readRequest(request: ReadRequest, exchange: Exchange, sink: PointSink): Promise<Answer> {
    const answer = await this.#exchange(request, exchange, sink);
    if (answer.kind !== "exception" || endsUnit(answer)) return answer;
    if (!refusesRange(answer.code)) {
      setStatus(request.points, exceptionStatus(answer.code), sink);
      return answer;
    }
    this.#hasLearned = true;
    const halves = bisect(request);
    if (halves === undefined) {
      this.#refusedPoints.push({ request, status: exceptionStatus(answer.code) });
      this.#refusedRanges.push({ address: request.address, endAddress: request.address + request.quantity });
      return answer;
    }
    const [low, high] = halves;
    const lowAnswer = await this.#readRequest(low, exchange, sink);
    if (endsUnit(lowAnswer)) return lowAnswer;
    const highAnswer = await this.#readRequest(high, exchange, sink);
    if (endsUnit(highAnswer)) return highAnswer;
    if (lowAnswer.kind === "data" && highAnswer.kind === "data") this.#blameBorder(low, high);
    return answer;
  }

  #exchange(request: ReadRequest, exchange: Exchange, sink: PointSink): Promise<Answer> {
    return exchange(this.#table.unitId, request, (bytes, dataOffset) => {
      for (const point of request.points) {
        point.decode(bytes, dataOffset, point.address - request.address, sink, point.index);
      }
    });
  }

  #blameBorder(low: ReadRequest, high: ReadRequest): void {
    const lowEnd = low.address + low.quantity;
    if (lowEnd < high.address) this.#refusedRanges.push({ address: lowEnd, endAddress: high.address });
    else this.#maxQuantity = Math.min(this.#maxQuantity, Math.max(low.quantity, high.quantity));
  }

  #planAnew(nowMs: number): void {
    this.#hasLearned = false;
    const refused = new Set(this.#refusedPoints.flatMap(({ request }) => request.points));
    const readable = this.#table.points.filter((point) => !refused.has(point));
    this.#requests = coalesce(this.#table.functionCode, readable, {
      maxQuantity: this.#maxQuantity,
      maxGap: this.#maxGap,
      refused: this.#refusedRanges,
    });
    if (this.#roundsTried === 0 && this.#nextToTry === 0) this.#nextRoundMs = nowMs + this.#firstRoundMs;
  }

  async #tryRefused(exchange: Exchange, sink: PointSink, nowMs: number): Promise<Answer | undefined> {
    const candidate = this.#refusedPoints[this.#nextToTry];
    if (candidate === undefined) return undefined;
    const answer = await this.#exchange(candidate.request, exchange, sink);
    if (answer.kind === "data") {
      this.forget();
      return answer;
    }
    this.#nextToTry++;
    if (this.#nextToTry >= this.#refusedPoints.length) {
      this.#nextToTry = 0;
      this.#roundsTried++;
      this.#nextRoundMs = nowMs + Math.min(MAX_ROUND_INTERVAL_MS, this.#firstRoundMs * 2 ** this.#roundsTried);
    }
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

/**
 * Cuts the points of a request in two, at the gap nearest to the middle, or near the middle when there is no gap; undefined when
 * all points have the same addresses.
 */
function bisect(request: ReadRequest): readonly [ReadRequest, ReadRequest] | undefined {
  const { functionCode, points } = request;
  const middle = points.length / 2;
  let bestCut: number | undefined;
  let bestBadness = Infinity;
  let endAddress = 0;
  let before: PlannedPoint | undefined;
  for (const [cut, point] of points.entries()) {
    if (before !== undefined && (before.address !== point.address || before.width !== point.width)) {
      const isGap = point.address > endAddress;
      const badness = Math.abs(cut - middle) + (isGap ? 0 : points.length);
      if (badness < bestBadness) {
        bestBadness = badness;
        bestCut = cut;
      }
    }
    endAddress = Math.max(endAddress, point.address + point.width);
    before = point;
  }
  if (bestCut === undefined) return undefined;
  return [requestFor(functionCode, points.slice(0, bestCut)), requestFor(functionCode, points.slice(bestCut))];
}

function setStatus(points: readonly PlannedPoint[], status: number, sink: PointSink): void {
  for (const point of points) sink.setStatus(point.index, status);
}
