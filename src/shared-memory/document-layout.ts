// The document of one generation and state: all its bytes, with a slot of fixed width for every value. White space is free in JSON,
// so a value shorter than its slot is padded in front, and a later cycle overwrites slots and moves nothing.
//
//   {"<connection key>":{"value":true,...},"<key>":{"value":[  slot  ],"varType":"UInt16","description":"..."},...}
//
// A layout holds as long as every connection, status and type stays what it was, and every value fits its slot.

import { BuiltInType, builtInTypeName } from "../point/built-in-type.ts";
import { isBad, StatusCode } from "../point/status-code.ts";
import type { BankReader } from "../process-image/bank-reader.ts";
import type { ImageReader } from "../process-image/image-reader.ts";
import { ConnectionState } from "../process-image/layout.ts";
import { isInline } from "../process-image/long-value.ts";
import { valueToJson } from "./value-json.ts";

/** Longest JSON of each inline type, for example -32768 or -0.0000012345678901234567: longer than any with an exponent. */
const inlineWidths: Partial<Record<BuiltInType, number>> = {
  [BuiltInType.Boolean]: 5,
  [BuiltInType.SByte]: 4,
  [BuiltInType.Byte]: 3,
  [BuiltInType.Int16]: 6,
  [BuiltInType.UInt16]: 5,
  [BuiltInType.Int32]: 11,
  [BuiltInType.UInt32]: 10,
  [BuiltInType.StatusCode]: 10,
  [BuiltInType.Int64]: 20,
  [BuiltInType.UInt64]: 20,
  [BuiltInType.Float]: 25,
  [BuiltInType.Double]: 25,
  [BuiltInType.DateTime]: 30,
};
/** Long values get this much more than they need now, so that a text that grows a little does not move everything behind it. */
const slackBytes = 16;
/** Room kept for the entry that says how many are missing, with its comma, and the closing brace. */
const missingEntryBytes = 220;

/** What one server looked like when the layout was made, and where its values are. */
export interface ServerSlots {
  readonly isConnected: boolean;
  /** For each point that is in the document: */
  readonly status: Uint32Array;
  /** Built-in type and shape, as in the record. */
  readonly kind: Uint16Array;
  readonly start: Uint32Array;
  /** 0 for a point without a readable value: nothing to overwrite. */
  readonly width: Uint32Array;
}

export interface DocumentLayout {
  /** The document; values are not filled in yet. */
  readonly bytes: Buffer;
  readonly servers: readonly ServerSlots[];
  readonly missingEntries: number;
}

export interface LayoutOptions {
  readonly unreadable: string;
  readonly withDescriptions: boolean;
  /** What does not fit is left out from the end, and a last entry says how much. */
  readonly limitBytes: number;
}

export function layOut(image: ImageReader, options: LayoutOptions): DocumentLayout {
  const writer = new LayoutWriter(options);
  const servers = image.directory.servers.map((_, index) => writer.server(image.view(index)));
  const { keptBytes, ...document } = writer.finish();
  // Slots of entries that had to go again are nowhere.
  for (const { start, width } of servers) {
    for (const [index, at] of start.entries()) if (at >= keptBytes) width[index] = 0;
  }
  return { ...document, servers };
}

class LayoutWriter {
  readonly #options: LayoutOptions;
  readonly #unreadable: string;
  readonly #parts: Buffer[] = [];
  #bytes = 1;
  #entries = 0;
  #isFull = false;
  #kept = { entries: 0, bytes: 1, parts: 0 };

  constructor(options: LayoutOptions) {
    this.#options = options;
    this.#unreadable = JSON.stringify(options.unreadable);
  }

  server(bank: BankReader): ServerSlots {
    const { connection, points } = bank.server;
    const isConnected = bank.connection === ConnectionState.connected;
    const count = isConnected ? points.length : 0;
    const slots = {
      isConnected,
      status: new Uint32Array(count),
      kind: new Uint16Array(count),
      start: new Uint32Array(count),
      width: new Uint32Array(count),
    };
    const description = this.#describe(connection.description);
    this.#entry(
      `${JSON.stringify(connection.key)}:{"value":${isConnected},"varType":"Boolean","description":${description}}`,
    );
    for (let index = 0; index < count; index++) this.#point(bank, index, slots);
    return slots;
  }

  finish(): Omit<DocumentLayout, "servers"> & { readonly keptBytes: number } {
    const missingEntries = this.#isFull ? this.#entries - this.#kept.entries : 0;
    const parts = missingEntries === 0 ? this.#parts : this.#parts.slice(0, this.#kept.parts);
    const keptBytes = missingEntries === 0 ? this.#bytes : this.#kept.bytes;
    const last = missingEntries === 0 ? "}" : `${parts.length === 0 ? "" : ","}${missingEntry(missingEntries)}}`;
    const bytes = Buffer.concat([Buffer.from("{"), ...parts, Buffer.from(last)]);
    if (bytes.length <= this.#options.limitBytes) return { bytes, missingEntries, keptBytes };
    // Not even room to say what is missing: an empty object, or no byte at all.
    return {
      bytes: Buffer.from(this.#options.limitBytes < 2 ? "" : "{}"),
      missingEntries: this.#entries,
      keptBytes: 0,
    };
  }

  #point(bank: BankReader, index: number, slots: ServerSlots): void {
    const { key = "", description = "" } = bank.server.points[index] ?? {};
    const status = bank.status(index);
    const type = bank.type(index);
    const head = `${JSON.stringify(key)}:{"value":`;
    const described = `"description":${this.#describe(description)}`;
    slots.status[index] = status;
    slots.kind[index] = bank.kind(index);
    if (isBad(status)) {
      this.#entry(`${head}${this.#unreadable},"varType":"String",${described},"statusCode":${status}}`);
      return;
    }
    const width = slotWidth(bank, index, type);
    const more = status === StatusCode.Good ? "" : `,"statusCode":${status}`;
    const before = this.#bytes + (this.#entries > 0 ? 1 : 0) + Buffer.byteLength(head);
    this.#entry(`${head}${" ".repeat(width)},"varType":"${builtInTypeName(type)}",${described}${more}}`);
    slots.start[index] = before;
    slots.width[index] = width;
  }

  #entry(text: string): void {
    const bytes = Buffer.from(this.#entries > 0 ? `,${text}` : text, "utf8");
    this.#entries++;
    this.#bytes += bytes.length;
    this.#isFull ||= this.#bytes + 1 > this.#options.limitBytes;
    this.#parts.push(bytes);
    if (this.#bytes + missingEntryBytes > this.#options.limitBytes) return;
    this.#kept = { entries: this.#entries, bytes: this.#bytes, parts: this.#parts.length };
  }

  #describe(text: string): string {
    return this.#options.withDescriptions ? JSON.stringify(text) : '""';
  }
}

function slotWidth(bank: BankReader, index: number, type: BuiltInType): number {
  const inline = bank.shape(index) === 0 && isInline(type) ? inlineWidths[type] : undefined;
  return inline ?? Buffer.byteLength(valueToJson(bank.value(index))) + slackBytes;
}

/** The last entry of a document that does not fit, without the document's closing brace. */
function missingEntry(missing: number): string {
  const description = "Entries left out because the shared memory is too small; the log names the size needed";
  return `"Entries missing":{"value":${missing},"varType":"UInt32","description":"${description}"}`;
}
