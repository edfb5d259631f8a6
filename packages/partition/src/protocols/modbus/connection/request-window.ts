// The requests of one TCP connection that have been sent and not finished, each with a transaction id and a timer of its own. Replies come in any order; what came of a request depends on its own reply alone.

import type { Answer } from "./exchange.ts";
import { TransactionIds, type Transaction } from "./transaction-ids.ts";

export interface Outstanding<Request> {
  readonly id: number;
  readonly request: Request;
  /** Undefined until its reply has come. */
  answer: Answer | undefined;
}

export interface Answered<Request> extends Outstanding<Request> {
  answer: Answer;
}

function isAnswered<Request>(sent: Sent<Request>): sent is Sent<Request> & Answered<Request> {
  return sent.answer !== undefined;
}

interface Sent<Request> extends Outstanding<Request> {
  /** Counts the requests in the order in which they were sent. */
  readonly order: number;
  timer: NodeJS.Timeout | undefined;
}

export class RequestWindow<Request extends Transaction> {
  readonly #timedOut: (outstanding: Outstanding<Request>) => void;
  readonly #ids = new TransactionIds();
  /** In the order in which they were sent. */
  readonly #sent: Sent<Request>[] = [];
  #lastOrder = 0;
  #lastAnswered = 0;

  /** `timedOut` is called for a request that has no answer in time; it is outstanding until it is finished or abandoned. */
  constructor(timedOut: (outstanding: Outstanding<Request>) => void) {
    this.#timedOut = timedOut;
  }

  /** Requests that are outstanding. */
  get count(): number {
    return this.#sent.length;
  }

  get isEmpty(): boolean {
    return this.#sent.length === 0;
  }

  /** In the order in which they were sent. */
  get requests(): readonly Request[] {
    return this.#sent.map(({ request }) => request);
  }

  /** Of the requests that wait for a reply. */
  get idsDue(): readonly number[] {
    const due: number[] = [];
    for (const { id, answer } of this.#sent) if (answer === undefined) due.push(id);
    return due;
  }

  /** A reply may come to a request that nobody waits for any more. */
  get isAnyAbandoned(): boolean {
    return this.#ids.isAnyAbandoned;
  }

  /** The request is about to leave; the result is its transaction id. */
  add(request: Request, timeoutMs: number): number {
    const id = this.#ids.next(this.#sent);
    const sent: Sent<Request> = { id, request, answer: undefined, order: ++this.#lastOrder, timer: undefined };
    sent.timer = setTimeout(() => {
      // A process that was held up finds timers due before it has read what came meanwhile: let it read first.
      setImmediate(() => {
        if (this.#sent.includes(sent)) this.#timedOut(sent);
      });
    }, timeoutMs);
    this.#sent.push(sent);
    return id;
  }

  /** What a reply with this id answers. Without an id (`Frame.transactionId`) it is the request that waits longest. */
  awaiting(id: number | undefined): Outstanding<Request> | undefined {
    const sent = this.#sentWith(id ?? this.idsDue[0] ?? NaN);
    return sent?.answer === undefined ? sent : undefined;
  }

  /** The request of a late reply that nobody waits for; undefined, also the second time, when there is none. */
  takeAbandoned(id: number | undefined): Transaction | undefined {
    return id === undefined ? undefined : this.#ids.takeAbandoned(id);
  }

  answered({ id }: Outstanding<Request>, answer: Answer): void {
    const sent = this.#sentWith(id);
    if (sent === undefined) return;
    sent.answer = answer;
    this.#lastAnswered = Math.max(this.#lastAnswered, sent.order);
  }

  /** A request that was sent later has been answered. */
  isOvertaken({ id }: Outstanding<Request>): boolean {
    return (this.#sentWith(id)?.order ?? 0) < this.#lastAnswered;
  }

  /** Removes and returns those whose answer is there, in the order in which they were sent. */
  takeAnswered(): readonly Answered<Request>[] {
    const answered = this.#sent.filter(isAnswered);
    for (const sent of answered) this.finish(sent);
    return answered;
  }

  finish({ id }: Outstanding<Request>): void {
    const index = this.#sent.findIndex((sent) => sent.id === id);
    if (index < 0) return;
    clearTimeout(this.#sent[index]?.timer);
    this.#sent.splice(index, 1);
  }

  #sentWith(id: number): Sent<Request> | undefined {
    return this.#sent.find((sent) => sent.id === id);
  }

  /** Nobody waits for the reply any more, but it may still come. */
  abandon(outstanding: Outstanding<Request>): void {
    this.finish(outstanding);
    this.#ids.abandon(outstanding.id, outstanding.request);
  }

  /** A gateway has answered for its device, which may still answer, too: once, or it could flood us. */
  expectAnother(id: number | undefined, { unitId, functionCode, address, quantity, isLastAnswer }: Transaction): void {
    if (id === undefined || isLastAnswer === true) return;
    this.#ids.abandon(id, { unitId, functionCode, address, quantity, isLastAnswer: true });
  }

  /** Abandons and returns those that the predicate picks. */
  abandonWhere(isPicked: (request: Request) => boolean): readonly Request[] {
    const picked = this.#sent.filter(({ request }) => isPicked(request));
    for (const sent of picked) this.abandon(sent);
    return picked.map(({ request }) => request);
  }

  /** Finishes and returns all, in the order in which they were sent. */
  end(): readonly Request[] {
    const { requests } = this;
    for (const sent of this.#sent) clearTimeout(sent.timer);
    this.#sent.length = 0;
    return requests;
  }
}
