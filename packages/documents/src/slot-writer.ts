// Writes values into their slots of a document, right-aligned: numbers without making a text of each.

import { doubleToJson, type NonFinite } from "@cpc-partition/image/values/double-json";

const space = 0x20;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const digitZero = 0x30;
const bracket = 0x5d;

const decimalPlaces = 6;
const decimalScale = 10 ** decimalPlaces;
/** With six decimals 15 digits, and less than 2^31. */
const largestWhole = 999_999_999;

export class SlotWriter {
  readonly #nonFinite: NonFinite;
  #bytes: Buffer = Buffer.alloc(0);
  /** Numbers that have to go the general way, together, and their slots. */
  readonly #general = { values: [] as number[], starts: [] as number[], widths: [] as number[] };
  #scratch = Buffer.alloc(0);

  constructor(nonFinite: NonFinite) {
    this.#nonFinite = nonFinite;
  }

  /** Up to 32 bits. */
  integer(value: number, start: number, width: number): void {
    const bytes = this.#bytes;
    let rest = Math.abs(value);
    let at = start + width;
    do {
      const next = Math.floor(rest / 10);
      bytes[--at] = digitZero + (rest - next * 10);
      rest = next;
    } while (rest > 0);
    if (value < 0) bytes[--at] = minus;
    while (at > start) bytes[--at] = space;
  }

  /**
   * Measured values mostly have a few decimals, and those are written as the integer they are a fraction of: up to 15 digits, so
   * that the division giving the value back proves the text to be the shortest one. All others go the general way.
   */
  double(value: number, start: number, width: number): void {
    const scaled = Math.round(value * decimalScale);
    if (scaled / decimalScale !== value || Math.abs(value) > largestWhole || Object.is(value, -0)) {
      if (Number.isFinite(value) && !Number.isInteger(value)) this.#deferGeneral(value, start, width);
      else this.ascii(doubleToJson(value, this.#nonFinite), start, width);
      return;
    }
    const bytes = this.#bytes;
    const digits = Math.abs(scaled);
    // Both parts have at most 31 bits from here on: `| 0` keeps the arithmetic in integers.
    let whole = (digits / decimalScale) | 0;
    let fraction = (digits - whole * decimalScale) | 0;
    let at = start + width;
    let decimals = decimalPlaces;
    for (; decimals > 1 && fraction % 10 === 0; decimals--) fraction = (fraction / 10) | 0;
    for (; decimals > 0; decimals--) {
      const next = (fraction / 10) | 0;
      bytes[--at] = digitZero + (fraction - next * 10);
      fraction = next;
    }
    bytes[--at] = point;
    do {
      const next = (whole / 10) | 0;
      bytes[--at] = digitZero + (whole - next * 10);
      whole = next;
    } while (whole > 0);
    if (value < 0) bytes[--at] = minus;
    while (at > start) bytes[--at] = space;
  }

  /** Before the slots of a server. */
  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    const { values, starts, widths } = this.#general;
    values.length = starts.length = widths.length = 0;
  }

  #deferGeneral(value: number, start: number, width: number): void {
    const { values, starts, widths } = this.#general;
    values.push(value);
    starts.push(start);
    widths.push(width);
  }

  /**
   * Finds the shortest digits of all numbers that wait for theirs in one call: for a fraction JSON.stringify says what doubleToJson does, and for
   * an array in half the time that as many strings take.
   */
  finish(): void {
    const { values, starts, widths } = this.#general;
    if (values.length === 0) return;
    const text = JSON.stringify(values);
    if (this.#scratch.length < text.length) this.#scratch = Buffer.alloc(2 * text.length);
    const scratch = this.#scratch;
    scratch.write(text, "latin1");
    const bytes = this.#bytes;
    let from = 1;
    for (let index = 0; index < values.length; index++) {
      let end = from;
      while (scratch[end] !== comma && scratch[end] !== bracket) end++;
      let at = starts[index] as number;
      for (const textStart = at + (widths[index] as number) - (end - from); at < textStart; at++) bytes[at] = space;
      while (from < end) bytes[at++] = scratch[from++] as number;
      from++;
    }
  }

  /** Characters below 0x80 only, and never more than the slot has. */
  ascii(text: string, start: number, width: number): void {
    const bytes = this.#bytes;
    let at = start;
    for (const textStart = start + width - text.length; at < textStart; at++) bytes[at] = space;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
  }

  long(text: string, start: number, width: number): void {
    const textStart = start + width - Buffer.byteLength(text);
    this.#bytes.fill(space, start, textStart);
    this.#bytes.write(text, textStart, "utf8");
  }
}
