// The JSON document, rendered from the process image. What never changes about a point (key, description) is encoded once for each
// generation of the image; in a cycle only values are formatted and bytes are copied.
//
//   {"<connection key>":{"value":true,...},"<key>":{"value": VALUE ,"varType":"UInt16","description":"..."},...}
//    \________________ constant ________/\_______ head ______/       \______________ tail _____________/

import { BuiltInType, builtInTypeName } from "../point/built-in-type.ts";
import { isBad, StatusCode } from "../point/status-code.ts";
import type { BankReader, ImageReader } from "../process-image/image-reader.ts";
import { ConnectionState } from "../process-image/layout.ts";
import { isInline } from "../process-image/long-value.ts";
import { doubleToJson, valueToJson } from "./value-json.ts";

/** What a point shows that could not be read, as the consumers of each service know it. */
export const unreadableText = { opcua: "Error reading value", modbus: "ERROR READING VALUE" } as const;

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

/** The constant bytes of one point. Tails are kept by type and remade when the type changes. */
interface PointText {
  readonly head: Buffer;
  readonly description: string;
  tail: Buffer;
  tailKey: number;
}

interface ServerText {
  readonly connected: Buffer;
  readonly disconnected: Buffer;
  readonly points: PointText[];
}

const digitZero = 0x30;
const minus = 0x2d;
/** Longest inline scalar: a Double of 24 characters, a DateTime of 30. */
const longestScalarBytes = 40;
/** Room kept for the entry that says how many are missing, and the closing brace. */
const missingEntryBytes = 220;

export class DocumentRenderer {
  readonly #image: ImageReader;
  readonly #unreadable: string;
  readonly #full: readonly ServerText[];
  #brief: readonly ServerText[] | undefined;
  #out = Buffer.allocUnsafe(16 * 1024);
  #at = 0;

  constructor(image: ImageReader, unreadable: string) {
    this.#image = image;
    this.#unreadable = JSON.stringify(unreadable);
    this.#full = textsOf(image, true);
  }

  /** Renders the last complete poll of every server into at most `capacityBytes`. */
  render(capacityBytes: number): RenderedDocument {
    this.#renderAll(this.#full, Infinity);
    const neededBytes = this.#at;
    if (neededBytes <= capacityBytes) return this.#result(neededBytes, "nothing", 0);
    this.#brief ??= textsOf(this.#image, false);
    const missingEntries = this.#renderAll(this.#brief, capacityBytes);
    return this.#result(neededBytes, missingEntries === 0 ? "descriptions" : "points", missingEntries);
  }

  #result(neededBytes: number, omitted: Omission, missingEntries: number): RenderedDocument {
    return { bytes: this.#out.subarray(0, this.#at), neededBytes, omitted, missingEntries };
  }

  /** Returns how many entries were left out so that the rest fits into `limitBytes`. */
  #renderAll(servers: readonly ServerText[], limitBytes: number): number {
    this.#at = 0;
    let entries = 0;
    let kept = 0;
    /** Where the document may end so that the entry about the missing ones still fits behind it. */
    let keptEnd = 1;
    const entryDone = (): void => {
      entries++;
      if (this.#at + missingEntryBytes > limitBytes) return;
      kept = entries;
      keptEnd = this.#at;
    };
    this.#reserve(2);
    this.#out[this.#at++] = 0x7b;
    for (const [serverIndex, server] of servers.entries()) {
      const bank = this.#image.view(serverIndex);
      const isConnected = bank.connection === ConnectionState.connected;
      if (entries > 0) this.#comma();
      this.#bytes(isConnected ? server.connected : server.disconnected);
      entryDone();
      if (!isConnected) continue;
      for (let index = 0; index < server.points.length; index++) {
        this.#comma();
        this.#point(bank, index, server.points[index] as PointText);
        entryDone();
      }
    }
    this.#reserve(1);
    this.#out[this.#at++] = 0x7d;
    if (this.#at <= limitBytes) return 0;
    this.#at = keptEnd;
    if (kept > 0) this.#comma();
    this.#text(missingEntry(entries - kept));
    return entries - kept;
  }

  #point(bank: BankReader, index: number, text: PointText): void {
    const status = bank.status(index);
    this.#bytes(text.head);
    if (isBad(status)) {
      this.#text(`${this.#unreadable},"varType":"String","description":${text.description},"statusCode":${status}}`);
      return;
    }
    const type = bank.type(index);
    if (bank.shape(index) === 0 && isInline(type)) this.#inline(bank, index, type);
    else this.#text(valueToJson(bank.value(index)));
    if (status !== StatusCode.Good) {
      this.#text(`,"varType":"${builtInTypeName(type)}","description":${text.description},"statusCode":${status}}`);
      return;
    }
    if (text.tailKey !== type) {
      text.tailKey = type;
      text.tail = Buffer.from(`,"varType":"${builtInTypeName(type)}","description":${text.description}}`);
    }
    this.#bytes(text.tail);
  }

  #inline(bank: BankReader, index: number, type: BuiltInType): void {
    this.#reserve(longestScalarBytes);
    switch (type) {
      case BuiltInType.Boolean:
        this.#ascii(bank.number(index, type) === 0 ? "false" : "true");
        return;
      case BuiltInType.Float:
      case BuiltInType.Double:
        this.#ascii(doubleToJson(bank.number(index, type)));
        return;
      case BuiltInType.Int64:
      case BuiltInType.UInt64:
        this.#ascii(String(bank.integer(index, type)));
        return;
      case BuiltInType.DateTime:
        this.#ascii(valueToJson(bank.value(index)));
        return;
      default:
        this.#integer(bank.number(index, type));
    }
  }

  #integer(value: number): void {
    let rest = value;
    if (rest < 0) {
      this.#out[this.#at++] = minus;
      rest = -rest;
    }
    let digits = 1;
    for (let limit = 10; rest >= limit; limit *= 10) digits++;
    const end = this.#at + digits;
    for (let at = end - 1; at >= this.#at; at--) {
      const next = Math.floor(rest / 10);
      this.#out[at] = digitZero + (rest - next * 10);
      rest = next;
    }
    this.#at = end;
  }

  /** Characters below 0x80 only; room is reserved already. */
  #ascii(text: string): void {
    for (let index = 0; index < text.length; index++) this.#out[this.#at++] = text.charCodeAt(index);
  }

  #text(text: string): void {
    this.#reserve(text.length * 3);
    this.#at += this.#out.write(text, this.#at, "utf8");
  }

  #bytes(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #comma(): void {
    this.#reserve(1);
    this.#out[this.#at++] = 0x2c;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + bytes));
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }
}

/** The last entry of a document that does not fit; at most `missingEntryBytes` with comma and brace. */
function missingEntry(missing: number): string {
  const description = "Entries left out because the shared memory is too small; the log names the size needed";
  return `"Entries missing":{"value":${missing},"varType":"UInt32","description":"${description}"}}`;
}

function textsOf(image: ImageReader, withDescriptions: boolean): ServerText[] {
  const describe = (text: string): string => (withDescriptions ? JSON.stringify(text) : '""');
  return image.directory.servers.map(({ connection, points }) => ({
    connected: connectionEntry(connection.key, true, describe(connection.description)),
    disconnected: connectionEntry(connection.key, false, describe(connection.description)),
    points: points.map(({ key, description }) => ({
      head: Buffer.from(`${JSON.stringify(key)}:{"value":`),
      description: describe(description),
      tail: Buffer.alloc(0),
      tailKey: -1,
    })),
  }));
}

function connectionEntry(key: string, value: boolean, description: string): Buffer {
  return Buffer.from(`${JSON.stringify(key)}:{"value":${value},"varType":"Boolean","description":${description}}`);
}
