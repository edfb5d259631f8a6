// The JSON document, rendered from the process image. Its constant bytes are laid out once (document-layout.ts); in a cycle only values
// that changed are formatted, into their slots, and only entries that come, go or get another status are written anew.

import { BuiltInType } from "../point/built-in-type.ts";
import { doubleToJson } from "../point/double-json.ts";
import type { BankReader } from "../process-image/bank-reader.ts";
import type { ImageReader } from "../process-image/image-reader.ts";
import { ConnectionState } from "../process-image/layout.ts";
import { Content, pointEntry } from "./document-entry.ts";
import type { DocumentForm } from "./document-form.ts";
import { layOut, type DocumentLayout, type ServerSlots } from "./document-layout.ts";
import { EntryTypes } from "./entry-types.ts";
import { valueToJson } from "./value-json.ts";

/** How much had to go so that the document fits. */
export type Omission = "nothing" | "descriptions" | "points";

export interface RenderedDocument {
  /** Valid until the next `render`. */
  readonly bytes: Uint8Array;
  /** Size of the document with nothing omitted. */
  readonly neededBytes: number;
  readonly omitted: Omission;
  readonly missingEntries: number;
}

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

/** What each slot shows: the 64 bits of an inline value, the text of a long one. */
interface Shown {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly text: string[];
}

export class DocumentRenderer {
  readonly #image: ImageReader;
  readonly #form: DocumentForm;
  readonly #types: EntryTypes;
  #capacityBytes = -1;
  #layout: DocumentLayout = { bytes: Buffer.alloc(0), servers: [], missingEntries: 0 };
  #shown: readonly Shown[] = [];
  #neededBytes = 0;
  #omitted: Omission = "nothing";
  /** Numbers that have to go the general way, together, and their slots. */
  readonly #general = { values: [] as number[], starts: [] as number[], widths: [] as number[] };
  #scratch = Buffer.alloc(0);
  /** Every slot of a new layout is to be filled, whatever `#shown` says. */
  #isFresh = true;

  constructor(image: ImageReader, form: DocumentForm, types = new EntryTypes(() => {})) {
    this.#image = image;
    this.#form = form;
    this.#types = types;
  }

  /** Renders the last complete poll of every server into at most `capacityBytes`. */
  render(capacityBytes: number): RenderedDocument {
    if (capacityBytes !== this.#capacityBytes || !this.#fill()) {
      this.#capacityBytes = capacityBytes;
      this.#layOut();
      this.#fill();
    }
    return {
      bytes: this.#layout.bytes,
      neededBytes: this.#neededBytes,
      omitted: this.#omitted,
      missingEntries: this.#layout.missingEntries,
    };
  }

  #layOut(): void {
    const limitBytes = this.#capacityBytes;
    const common = { form: this.#form, types: this.#types };
    this.#omitted = "nothing";
    // Room that entries had before is kept, so that what comes and goes moves nothing; but not at the cost of anything else.
    for (const before of [this.#layout.servers, []]) {
      this.#layout = layOut(this.#image, { ...common, withDescriptions: true, limitBytes: Infinity, before });
      if (this.#layout.bytes.length <= limitBytes) break;
    }
    this.#neededBytes = this.#layout.bytes.length;
    if (this.#neededBytes > limitBytes) {
      this.#layout = layOut(this.#image, { ...common, withDescriptions: false, limitBytes, before: [] });
      this.#omitted = this.#layout.missingEntries === 0 ? "descriptions" : "points";
    }
    this.#shown = this.#layout.servers.map(({ status }) => ({
      low: new Uint32Array(status.length),
      high: new Uint32Array(status.length),
      text: Array.from(status, () => ""),
    }));
    this.#isFresh = true;
  }

  /** Brings every slot up to date; false when the layout does not hold any more. */
  #fill(): boolean {
    const { servers } = this.#layout;
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    for (let index = 0; index < servers.length; index++) {
      const slots = servers[index] as ServerSlots;
      const bank = this.#image.view(index);
      if ((bank.connection === ConnectionState.connected) !== slots.isConnected) return false;
      if (!this.#fillServer(bank, slots, this.#shown[index] as Shown, isFresh)) return false;
    }
    return servers.length === this.#image.directory.servers.length;
  }

  #fillServer(bank: BankReader, slots: ServerSlots, shown: Shown, isFresh: boolean): boolean {
    const { status, kind, content } = slots;
    this.#forgetGeneral();
    for (let index = 0; index < status.length; index++) {
      let isNew = isFresh;
      if (bank.status(index) !== status[index] || bank.kind(index) !== kind[index]) {
        if (!this.#rewrite(bank, index, slots, shown)) return false;
        isNew = true;
      }
      switch (content[index]) {
        case Content.inline: {
          const low = bank.lowWord(index);
          const high = bank.highWord(index);
          if (!isNew && low === shown.low[index] && high === shown.high[index]) break;
          shown.low[index] = low;
          shown.high[index] = high;
          this.#inline(
            bank,
            index,
            bank.type(index),
            slots.slotStart[index] as number,
            slots.slotWidth[index] as number,
          );
          break;
        }
        case Content.long:
          if (!this.#fillLong(bank, index, slots, shown)) return false;
          break;
        default:
      }
    }
    this.#fillGeneral();
    return true;
  }

  /** A text, an array, or null, whose entry is left out. */
  #fillLong(bank: BankReader, index: number, slots: ServerSlots, shown: Shown): boolean {
    const text = valueToJson(bank.value(index), this.#form.nonFinite);
    if (text === shown.text[index]) return true;
    const widthNow = slots.slotWidth[index] as number;
    const fits = text === "null" ? widthNow === 0 : Buffer.byteLength(text) <= widthNow;
    if (!fits && !this.#rewrite(bank, index, slots, shown)) return false;
    shown.text[index] = text;
    const width = slots.slotWidth[index] as number;
    if (width > 0) this.#long(text, slots.slotStart[index] as number, width);
    return true;
  }

  /** Writes the entry of a point anew, its slot blank; false when there is not enough room. */
  #rewrite(bank: BankReader, index: number, slots: ServerSlots, shown: Shown): boolean {
    const withDescription = this.#omitted === "nothing";
    const entry = pointEntry(bank, index, this.#form, this.#types, withDescription);
    const start = slots.start[index] as number;
    const room = slots.room[index] as number;
    if (Buffer.byteLength(entry.text) > room) return false;
    const { bytes } = this.#layout;
    const written = bytes.write(entry.text, start);
    bytes.fill(space, start + written, start + room);
    slots.status[index] = bank.status(index);
    slots.kind[index] = bank.kind(index);
    slots.content[index] = entry.content;
    slots.slotStart[index] = start + entry.slotOffset;
    slots.slotWidth[index] = entry.slotWidth;
    shown.text[index] = "";
    return true;
  }

  #inline(bank: BankReader, index: number, type: BuiltInType, start: number, width: number): void {
    switch (type) {
      case BuiltInType.Boolean:
        this.#ascii(bank.number(index, type) === 0 ? "false" : "true", start, width);
        return;
      case BuiltInType.Float:
      case BuiltInType.Double:
        this.#double(bank.number(index, type), start, width);
        return;
      case BuiltInType.Int64:
      case BuiltInType.UInt64:
        this.#ascii(String(bank.integer(index, type)), start, width);
        return;
      case BuiltInType.DateTime:
        this.#ascii(valueToJson(bank.value(index)), start, width);
        return;
      default:
        this.#integer(bank.number(index, type), start, width);
    }
  }

  /** Up to 32 bits. */
  #integer(value: number, start: number, width: number): void {
    const { bytes } = this.#layout;
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
  #double(value: number, start: number, width: number): void {
    const scaled = Math.round(value * decimalScale);
    if (scaled / decimalScale !== value || Math.abs(value) > largestWhole || Object.is(value, -0)) {
      if (Number.isFinite(value) && !Number.isInteger(value)) this.#deferGeneral(value, start, width);
      else this.#ascii(doubleToJson(value, this.#form.nonFinite), start, width);
      return;
    }
    const { bytes } = this.#layout;
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

  #forgetGeneral(): void {
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
  #fillGeneral(): void {
    const { values, starts, widths } = this.#general;
    if (values.length === 0) return;
    const text = JSON.stringify(values);
    if (this.#scratch.length < text.length) this.#scratch = Buffer.alloc(2 * text.length);
    const scratch = this.#scratch;
    scratch.write(text, "latin1");
    const { bytes } = this.#layout;
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
  #ascii(text: string, start: number, width: number): void {
    const { bytes } = this.#layout;
    let at = start;
    for (const textStart = start + width - text.length; at < textStart; at++) bytes[at] = space;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
  }

  #long(text: string, start: number, width: number): void {
    const textStart = start + width - Buffer.byteLength(text);
    this.#layout.bytes.fill(space, start, textStart);
    this.#layout.bytes.write(text, textStart, "utf8");
  }
}
