// The messages of a subscription that were published, until readers have them. Before that the server must keep them: a thread that hands over what it
// reads may end before it is taken, and of a server that was told to stop nothing more is. They come in their order, and so do their receipts.

import type { Receipt } from "../../../sources/source.ts";

interface PublishedMessage {
  readonly number: number;
  readonly receipt: Receipt;
}

export class PublishedMessages {
  #messages: PublishedMessage[] = [];

  add(number: number, receipt: Receipt): void {
    this.#messages.push({ number, receipt });
  }

  /** Their numbers, once: the server need not keep them any more. */
  takeShown(): readonly number[] {
    const rest = this.#messages.findIndex(({ receipt }) => receipt() !== true);
    return this.#messages.splice(0, rest < 0 ? this.#messages.length : rest).map(({ number }) => number);
  }

  /** The first that readers will never have. */
  get firstDropped(): number | undefined {
    return this.#messages.find(({ receipt }) => receipt() === false)?.number;
  }
}
