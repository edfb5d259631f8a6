// The numbers of a subscription's messages (OPC 10000-4, 5.14.1.1 and 7.26): each is one more than that of the message before, 1 comes after the
// largest, and a keep-alive has the number of the message that comes next. So a message that is missing shows. A number counts as taken when its
// message was taken, not when it came: what a connection that dies in between leaves behind is missing for the next. Pure.

/** UInt32; 0 is no number. */
const largest = 0xffff_ffff;
/** So many missing messages are asked for again at most: servers keep no more than a few for each subscription. */
export const mostMissing = 100;

export type Arrival =
  | { readonly is: "next" }
  /** These come before it, in this order. */
  | { readonly is: "gap"; readonly missing: readonly number[] }
  /** It was taken before. */
  | { readonly is: "past" }
  /** No message can have this number here: nobody knows what is missing. */
  | { readonly is: "broken" };

const next: Arrival = { is: "next" };
const past: Arrival = { is: "past" };
const broken: Arrival = { is: "broken" };

export class SequenceNumbers {
  #expected: number | undefined;

  /** `expected`: undefined when the first message may have any number. */
  constructor(expected?: number) {
    this.#expected = expected;
  }

  /** The number of the first message that was not taken, as far as it is known. */
  get expected(): number | undefined {
    return this.#expected;
  }

  /** Of a message that has come, or a keep-alive. */
  arrived(number: number): Arrival {
    if (number < 1 || number > largest) return broken;
    const expected = this.#expected ?? number;
    const missing = distance(expected, number);
    if (missing === 0) return next;
    if (missing > largest / 2) return past;
    if (missing > mostMissing) return broken;
    return { is: "gap", missing: Array.from({ length: missing }, (_, place) => forward(expected, place)) };
  }

  /** The message with this number was taken. */
  taken(number: number): void {
    this.#expected = forward(number, 1);
  }

  /** A keep-alive has named the message that comes next, and nothing before it is missing. */
  announced(number: number): void {
    this.#expected = number;
  }
}

/** No part of the standard says in which order a server names the messages that it keeps. */
export function inTheirOrder(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((one, other) => {
    const from = distance(one, other);
    return from > largest / 2 ? 1 : -from;
  });
}

function forward(number: number, by: number): number {
  return ((number - 1 + by) % largest) + 1;
}

/** How many numbers lie before `to`, from `from` on. */
function distance(from: number, to: number): number {
  return (to - from + largest) % largest;
}
