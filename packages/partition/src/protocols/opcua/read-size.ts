// How many nodes are asked for in one request, by what a server says and by what it bears. Some servers do not say BadTooManyOperations: they
// close the connection in a request that is too large, or fall silent. So a request in which a connection died is halved, and that is
// remembered over reconnections. One of a size that was answered before is believed to be too large only when the connection dies in it twice
// in a row: the first time it was the cable.
//
// Such a limit is not for ever. After a while the double is tried; when the connection dies in it again, that is the
// answer for as long as the program runs, otherwise requests are as large as before.
//
// The contents decide as well as the number: attributes and values have a `ReadSize` each, kept by the client of a server. Pure but for the clock.

/** Enough to make the cost of a request vanish, little enough for a message of ordinary size: a thousand and the server's state. */
const defaultMostNodes = 1001;

export const trialAfterMs = 600_000;

/** What a session needs at its start; a server that cannot bear so little bears nothing. */
export const fewNodes = 3;

export class ReadSize {
  readonly #configured: number;
  readonly #nowMs: () => number;
  /** By the server, in the present session. */
  #stated = Infinity;
  /** By its BadTooManyOperations, in the present session. */
  #refused = Infinity;
  /** By connections that died in a request. */
  #halved = Infinity;
  /** Deadly in the trial as well. */
  #refuted = Infinity;
  /** The size that the trial has to exceed; undefined: none is underway. */
  #trialAbove: number | undefined;
  #trialDueMs = 0;
  /** The size of each request that waits for its answer. */
  #underWay: number[] = [];
  #largestAnswered = 0;
  #diedIn = 0;
  #halvings = 0;

  /** `configured`: the site's upper bound; `nowMs`: monotonic. */
  constructor(configured: number | undefined, nowMs: () => number = () => performance.now()) {
    this.#configured = configured ?? defaultMostNodes;
    this.#nowMs = nowMs;
  }

  /** The most nodes in one request, the server's state included. */
  get nodes(): number {
    return Math.max(1, Math.min(this.#configured, this.#stated, this.#refused, this.#halved));
  }

  /** What refusals and lost connections leave; undefined: nothing that is less than what the site and the server allow. */
  get requestLimit(): number | undefined {
    const limit = Math.min(this.#refused, this.#halved);
    return limit < Math.min(this.#configured, this.#stated) ? limit : undefined;
  }

  /** How often deaths halved it so far. */
  get halvings(): number {
    return this.#halvings;
  }

  /** A new session, in which the server states its MaxNodesPerRead; 0 stands for no limit. */
  begin(statedNodes: number): void {
    this.#stated = statedNodes > 0 ? statedNodes : Infinity;
    this.#refused = Infinity;
  }

  /** The server says of a request that its nodes are too many; good for this session. */
  refused(asked: number): void {
    this.#refused = Math.ceil(asked / 2);
  }

  sent(asked: number): void {
    this.#underWay.push(asked);
  }

  /** Its answer came, or will not come any more. */
  ended(asked: number): void {
    const at = this.#underWay.indexOf(asked);
    if (at >= 0) this.#underWay.splice(at, 1);
  }

  /** The connection died: what it died in is the largest request under way. Undefined when that was taken already. */
  takeDeadly(): number | undefined {
    const sizes = this.#underWay;
    this.#underWay = [];
    return sizes.length === 0 ? undefined : Math.max(...sizes);
  }

  answered(asked: number): void {
    this.#largestAnswered = Math.max(this.#largestAnswered, asked);
    if (asked >= this.#diedIn) this.#diedIn = 0;
    if (this.#isTrial(asked)) this.#trialAbove = undefined;
    if (asked < this.#halved || this.#nowMs() < this.#trialDueMs || 2 * this.#halved >= this.#refuted) return;
    this.#trialAbove = this.#halved;
    this.#halved *= 2;
    this.#trialDueMs = this.#nowMs() + trialAfterMs;
  }

  /** The connection died in a request for so many nodes, or no answer came. True when the next requests are smaller for it. */
  died(asked: number): boolean {
    if (asked <= fewNodes) return false;
    const isTrial = this.#isTrial(asked);
    const isFirst = asked <= this.#largestAnswered && this.#diedIn === 0 && !isTrial;
    this.#diedIn = asked;
    if (isFirst) return false;
    if (isTrial) this.#refuted = asked;
    this.#trialAbove = undefined;
    this.#diedIn = 0;
    this.#halved = Math.ceil(asked / 2);
    this.#trialDueMs = this.#nowMs() + trialAfterMs;
    this.#halvings++;
    return true;
  }

  #isTrial(asked: number): boolean {
    return this.#trialAbove !== undefined && asked > this.#trialAbove;
  }
}

/** Of one server. */
export interface ReadSizes {
  readonly attributes: ReadSize;
  readonly values: ReadSize;
}
