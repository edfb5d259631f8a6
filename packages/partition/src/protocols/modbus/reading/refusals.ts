// What a device was found to refuse in one table, and the requests that avoid it. Pure: time comes in as an argument.
//
//   a point refused by itself                     -> no request reaches over its addresses; it is asked for alone in the next polls,
//                                                    and rests when it was refused in three of them
//   both halves fine, a gap between them          -> the gap is to blame; no request bridges it any more
//   both halves fine, nothing between them        -> the length is to blame; no request is longer than the longer half
//
// Nothing is believed for ever: a device may get an address later (its program was loaded meanwhile), or may have been busy. What rests is
// tried again now and then, one request a poll, and the first that is answered makes us forget all of it.

import { DEVICE_FAILURE, refusesRange } from "../exception-status.ts";
import type { Answer } from "../connection/exchange.ts";
import { coalesce, type AddressRange, type PlannedPoint, type ReadRequest, type Table } from "./read-plan.ts";

/** Longest rest between two rounds of trying again what was refused. */
const MAX_ROUND_INTERVAL_MS = 600_000;
/** A point rests when it was refused in so many polls in a row. */
const POLLS_BEFORE_REST = 3;
/** So many points that do not rest yet are asked for alone in one poll. */
const MOST_ALONE = 20;

const nothing: readonly never[] = [];

export interface Refusal {
  readonly request: ReadRequest;
  readonly code: number;
  /** What no request may contain. Absent: the request is too long. */
  readonly range?: AddressRange;
  /** Polls in a row in which a point was refused. */
  polls: number;
}

export class Refusals {
  readonly #table: Table;
  readonly #maxGap: number;
  readonly #firstRoundMs: number;
  #requests: readonly ReadRequest[];
  #maxQuantity: number;
  #points: Refusal[] = [];
  #gaps: Refusal[] = [];
  /** The shortest request that was too long. */
  #tooLong: Refusal | undefined;
  #isChanged = false;
  #roundsTried = 0;
  #nextToTry = 0;
  #nextRoundMs: number | undefined;

  constructor(table: Table, maxGap: number, firstRoundMs: number) {
    this.#table = table;
    this.#maxGap = maxGap;
    this.#firstRoundMs = firstRoundMs;
    this.#requests = table.requests;
    this.#maxQuantity = table.maxQuantity;
  }

  get requests(): readonly ReadRequest[] {
    return this.#requests;
  }

  get points(): readonly Refusal[] {
    return this.#points;
  }

  /** Every point that was refused rests by now. */
  get isSettled(): boolean {
    return this.#points.every(({ polls }) => polls >= POLLS_BEFORE_REST);
  }

  get requestLimit(): number | undefined {
    return this.#tooLong === undefined ? undefined : this.#maxQuantity;
  }

  addPoint(request: ReadRequest, code: number): void {
    const range = { address: request.address, endAddress: request.address + request.quantity };
    this.#points.push({ request, code, range, polls: 1 });
    this.#isChanged = true;
  }

  /** `request` was refused, its halves were answered. */
  addBorder(request: ReadRequest, [low, high]: readonly [ReadRequest, ReadRequest], code: number): void {
    const lowEnd = low.address + low.quantity;
    this.#isChanged = true;
    if (lowEnd < high.address) {
      this.#gaps.push({ request, code, range: { address: lowEnd, endAddress: high.address }, polls: 1 });
      return;
    }
    this.#maxQuantity = Math.min(this.#maxQuantity, Math.max(low.quantity, high.quantity));
    if (this.#tooLong === undefined || request.quantity < this.#tooLong.request.quantity) {
      this.#tooLong = { request, code, polls: 1 };
    }
  }

  /** Requests for these points that contain nothing that was refused. */
  plan(points: readonly PlannedPoint[]): readonly ReadRequest[] {
    const refused = [...this.#points, ...this.#gaps].flatMap(({ range }) => range ?? []);
    const bounds = { maxQuantity: this.#maxQuantity, maxGap: this.#maxGap, refused };
    return coalesce(this.#table.functionCode, points, bounds);
  }

  planAnew(nowMs: number): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const refused = new Set(this.#points.flatMap(({ request }) => request.points));
    this.#requests = this.plan(this.#table.points.filter((point) => !refused.has(point)));
    this.#nextRoundMs ??= nowMs + this.#firstRoundMs;
  }

  /** What is to be tried again in this poll. */
  dueAt(nowMs: number): readonly Refusal[] {
    if (this.#nextRoundMs === undefined) return nothing;
    const alone = this.#points.filter(({ polls }) => polls < POLLS_BEFORE_REST).slice(0, MOST_ALONE);
    const resting = this.#resting();
    // When the device serves nothing at all, it is out of order rather than without these addresses: it may be back any moment.
    const isOutOfOrder = this.#requests.length === 0 && this.#points.every(({ code }) => code === DEVICE_FAILURE);
    if (nowMs < this.#nextRoundMs && !isOutOfOrder) return alone;
    const next = resting[this.#nextToTry % Math.max(1, resting.length)];
    return next === undefined ? alone : [...alone, next];
  }

  tried(refusal: Refusal, answer: Answer, nowMs: number): void {
    // A device that is busy says nothing about these addresses.
    if (answer.kind === "exception" && !refusesRange(answer.code)) return;
    const isResting = this.#resting().includes(refusal);
    if (answer.kind === "data") {
      if (isResting) this.forget();
      else {
        this.#points = this.#points.filter((point) => point !== refusal);
        this.#isChanged = true;
        if (this.#points.length + this.#resting().length === 0) this.forget();
        else this.planAnew(nowMs);
      }
      return;
    }
    if (!isResting) {
      refusal.polls++;
      return;
    }
    this.#nextToTry++;
    if (this.#nextToTry < this.#resting().length) return;
    this.#nextToTry = 0;
    // A failure of the device passes, an address that it does not have stays away.
    if (this.#points.every(({ code }) => code !== DEVICE_FAILURE)) this.#roundsTried++;
    this.#nextRoundMs = nowMs + Math.min(MAX_ROUND_INTERVAL_MS, this.#firstRoundMs * 2 ** this.#roundsTried);
  }

  forget(): void {
    this.#requests = this.#table.requests;
    this.#maxQuantity = this.#table.maxQuantity;
    this.#points = [];
    this.#gaps = [];
    this.#tooLong = undefined;
    this.#isChanged = false;
    this.#nextToTry = 0;
    this.#roundsTried = 0;
    this.#nextRoundMs = undefined;
  }

  #resting(): readonly Refusal[] {
    const points = this.#points.filter(({ polls }) => polls >= POLLS_BEFORE_REST);
    return [...points, ...this.#gaps, ...(this.#tooLong === undefined ? [] : [this.#tooLong])];
  }
}
