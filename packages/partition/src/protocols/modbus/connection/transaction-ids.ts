// The transaction ids of one connection, and which of them may still be answered after we have stopped waiting.
//
// MODBUS Messaging on TCP/IP V1.0b, 3.1.3: 16 bits, echoed by the server. An id that was given up is not used again while
// it is remembered, so a late reply can be told from every other: it is dropped, once. A reply with any other id is a fault.

import type { ReadRange } from "../pdu.ts";

/** What is needed to judge a reply. */
export interface Transaction extends ReadRange {
  readonly unitId: number;
  /** A gateway has answered in the device's place: at most one answer more, the device's own, can come. */
  readonly isLastAnswer?: true;
}

/** The oldest of more than these was given up so many time-outs ago that no device still works on it. */
const MAX_ABANDONED = 256;
const ID_COUNT = 0x1_0000;

export class TransactionIds {
  #lastId = 0;
  readonly #abandoned = new Map<number, Transaction>();

  /** `inUse`: requests that are outstanding. */
  next(inUse: readonly { readonly id: number }[]): number {
    do this.#lastId = (this.#lastId + 1) % ID_COUNT;
    while (this.#abandoned.has(this.#lastId) || inUse.some(({ id }) => id === this.#lastId));
    return this.#lastId;
  }

  /** True when a reply that nobody waits for may still come. */
  get isAnyAbandoned(): boolean {
    return this.#abandoned.size > 0;
  }

  /** Nobody waits for the reply any more. */
  abandon(id: number, transaction: Transaction): void {
    this.#abandoned.set(id, transaction);
    if (this.#abandoned.size <= MAX_ABANDONED) return;
    const [oldest] = this.#abandoned.keys();
    if (oldest !== undefined) this.#abandoned.delete(oldest);
  }

  /** The abandoned transaction of a late reply; undefined, also the second time, for an id that is not due to be answered. */
  takeAbandoned(id: number): Transaction | undefined {
    const transaction = this.#abandoned.get(id);
    if (transaction !== undefined) this.#abandoned.delete(id);
    return transaction;
  }
}
