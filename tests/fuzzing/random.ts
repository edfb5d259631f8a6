// Numbers that look random and come again: input n of a seed is the same input on every machine, whatever ran before it.

/** sfc32, seeded by two words. */
export class Random {
  readonly #words: Uint32Array;

  constructor(seed: number, input: number) {
    this.#words = Uint32Array.of(seed, input, 0x9e3779b9, 1);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    const words = this.#words;
    const [a = 0, b = 0, c = 0, counter = 0] = words;
    const sum = (a + b + counter) >>> 0;
    words[0] = b ^ (b >>> 9);
    words[1] = c + (c << 3);
    words[2] = ((c << 21) | (c >>> 11)) + sum;
    words[3] = counter + 1;
    return sum;
  }

  /** 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * end);
  }

  from(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}
