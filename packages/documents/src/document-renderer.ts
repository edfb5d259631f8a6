// The JSON document, rendered from the process image. Its constant bytes are laid out once (document-layout.ts); in a cycle only values
// that changed are formatted, into their slots, and only entries that come, go or get another status are written anew.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { BankReader } from "@cpc-partition/image/bank-reader";
import type { GroupSnapshot } from "@cpc-partition/image/group-snapshot";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import { Content, pointEntry } from "./document-entry.ts";
import type { DocumentForm } from "./document-form.ts";
import { isShown, layOut, type DocumentLayout, type GroupSlots } from "./document-layout.ts";
import { EntryTypes } from "./entry-types.ts";
import { SlotWriter } from "./slot-writer.ts";
import { valueToJson } from "@cpc-partition/image/values/value-json";

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

/** What each slot shows: the 64 bits of an inline value, the text of a long one. */
interface Shown {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly text: string[];
}

export class DocumentRenderer {
  /** Of each group of the image: every document is made of copies, so that the image's writer may go on meanwhile. */
  readonly #banks: readonly GroupSnapshot[];
  readonly #form: DocumentForm;
  readonly #types: EntryTypes;
  #capacityBytes = -1;
  #isLive = true;
  #layout: DocumentLayout = { bytes: Buffer.alloc(0), groups: [], missingEntries: 0, lacksDescriptions: false };
  #shown: readonly Shown[] = [];
  #neededBytes = 0;
  #omitted: Omission = "nothing";
  readonly #slots: SlotWriter;
  /** Every slot of a new layout is to be filled, whatever `#shown` says. */
  #isFresh = true;

  constructor(image: ImageReader, form: DocumentForm, types = new EntryTypes(() => {})) {
    this.#banks = image.directory.groups.map(({ index }) => image.reusableSnapshot(index));
    this.#form = form;
    this.#types = types;
    this.#slots = new SlotWriter(form.nonFinite);
  }

  /**
   * Renders the last complete poll of every server into at most `capacityBytes`. Not live: nobody keeps the image up to date, so every
   * connection is shown as closed, without a look at the image. An image that cannot be copied, because its writer overtakes every
   * attempt, leaves the document as it was.
   */
  render(capacityBytes: number, isLive = true): RenderedDocument {
    const isCopied = isLive && this.#banks.every((bank) => bank.refresh());
    const isSame = capacityBytes === this.#capacityBytes && isLive === this.#isLive;
    if (isLive && !isCopied && isSame) return this.#rendered();
    if (!isSame || !this.#fill()) {
      this.#capacityBytes = capacityBytes;
      this.#isLive = isCopied;
      this.#layOut();
      this.#fill();
    }
    return this.#rendered();
  }

  #rendered(): RenderedDocument {
    return {
      bytes: this.#layout.bytes,
      neededBytes: this.#neededBytes,
      omitted: this.#omitted,
      missingEntries: this.#layout.missingEntries,
    };
  }

  #layOut(): void {
    const limitBytes = this.#capacityBytes;
    const common = { form: this.#form, types: this.#types, isLive: this.#isLive };
    // Room that entries had before is kept, so that what comes and goes moves nothing; but not at the cost of anything else.
    for (const before of [this.#layout.groups, []]) {
      this.#layout = layOut(this.#banks, { ...common, limitBytes: Infinity, before });
      if (this.#layout.bytes.length <= limitBytes) break;
    }
    this.#neededBytes = this.#layout.bytes.length;
    if (this.#neededBytes > limitBytes) this.#layout = layOut(this.#banks, { ...common, limitBytes, before: [] });
    const { missingEntries, lacksDescriptions } = this.#layout;
    this.#omitted = missingEntries > 0 ? "points" : lacksDescriptions ? "descriptions" : "nothing";
    this.#shown = this.#layout.groups.map(({ status }) => ({
      low: new Uint32Array(status.length),
      high: new Uint32Array(status.length),
      text: Array.from(status, () => ""),
    }));
    this.#isFresh = true;
  }

  /** Brings every slot up to date; false when the layout does not hold any more. */
  #fill(): boolean {
    const { groups } = this.#layout;
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    for (let index = 0; index < groups.length; index++) {
      const slots = groups[index] as GroupSlots;
      const bank = this.#banks[index] as BankReader;
      if (isShown(bank, this.#isLive) !== slots.isConnected) return false;
      if (!this.#fillServer(bank, slots, this.#shown[index] as Shown, isFresh)) return false;
    }
    return groups.length === this.#banks.length;
  }

  #fillServer(bank: BankReader, slots: GroupSlots, shown: Shown, isFresh: boolean): boolean {
    const { status, kind, content } = slots;
    this.#slots.begin(this.#layout.bytes);
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
    this.#slots.finish();
    return true;
  }

  /** A text, an array, or null, whose entry is left out. */
  #fillLong(bank: BankReader, index: number, slots: GroupSlots, shown: Shown): boolean {
    const text = valueToJson(bank.value(index), this.#form.nonFinite);
    if (text === shown.text[index]) return true;
    const widthNow = slots.slotWidth[index] as number;
    const fits = text === "null" ? widthNow === 0 : Buffer.byteLength(text) <= widthNow;
    if (!fits && !this.#rewrite(bank, index, slots, shown)) return false;
    shown.text[index] = text;
    const width = slots.slotWidth[index] as number;
    if (width > 0) this.#slots.long(text, slots.slotStart[index] as number, width);
    return true;
  }

  /** Writes the entry of a point anew, its slot blank; false when there is not enough room. */
  #rewrite(bank: BankReader, index: number, slots: GroupSlots, shown: Shown): boolean {
    const entry = pointEntry(bank, index, this.#form, this.#types, slots.withDescriptions);
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
        this.#slots.ascii(bank.number(index, type) === 0 ? "false" : "true", start, width);
        return;
      case BuiltInType.Float:
      case BuiltInType.Double:
        this.#slots.double(bank.number(index, type), start, width);
        return;
      case BuiltInType.Int64:
      case BuiltInType.UInt64:
        this.#slots.ascii(String(bank.integer(index, type)), start, width);
        return;
      case BuiltInType.DateTime:
        this.#slots.ascii(valueToJson(bank.value(index)), start, width);
        return;
      default:
        this.#slots.integer(bank.number(index, type), start, width);
    }
  }
}
