// The wire format of Protocol Buffers, as much of it as Sparkplug needs: varint, 32 and 64 bits, and things with a length.
// https://protobuf.dev/programming-guides/encoding/

const wireVarint = 0;
const wire64 = 1;
const wireLength = 2;
const wire32 = 5;

/** Grows as it is filled; `take` empties it for the next message. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Unsigned, up to 2^53. */
  uint(field: number, value: number): void {
    this.#varint(field * 8 + wireVarint);
    this.#varint(value);
  }

  /** The 64 bits of it: a negative one takes ten bytes, as the format has it. */
  uint64(field: number, value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    if (rest <= BigInt(Number.MAX_SAFE_INTEGER)) return this.uint(field, Number(rest));
    this.#varint(field * 8 + wireVarint);
    this.#reserve(10);
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128;
    this.#bytes[this.#length++] = Number(rest);
  }

  bool(field: number, value: boolean): void {
    this.uint(field, Number(value));
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + wire32);
    this.#reserve(4);
    this.#length = this.#bytes.writeFloatLE(value, this.#length);
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + wire64);
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  string(field: number, value: string): void {
    this.#varint(field * 8 + wireLength);
    const length = Buffer.byteLength(value);
    this.#varint(length);
    this.#reserve(length);
    this.#bytes.write(value, this.#length);
    this.#length += length;
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + wireLength);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** What `fill` writes is a message within this one. */
  message(field: number, fill: () => void): void {
    this.#varint(field * 8 + wireLength);
    const start = this.#length;
    fill();
    const length = this.#length - start;
    const prefix = varintLength(length);
    this.#reserve(prefix);
    this.#bytes.copyWithin(start + prefix, start, start + length);
    this.#length = start;
    this.#varint(length);
    this.#length = start + prefix + length;
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    this.#bytes[this.#length++] = rest;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++;
  return length;
}

export interface ProtobufField {
  readonly field: number;
  /** Of a varint; 0 for others. */
  readonly number: number;
  /** Of things with a length; undefined for others. */
  readonly bytes: Buffer | undefined;
}

/** The fields of a message that somebody else wrote; undefined when it is none. */
export function readFields(message: Buffer): readonly ProtobufField[] | undefined {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): number | undefined => {
    let value = 0;
    for (let factor = 1, count = 0; count < 10; count++, factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) return undefined;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < message.length) {
    const key = varint();
    if (key === undefined) return undefined;
    const field = Math.floor(key / 8);
    switch (key % 8) {
      case wireVarint: {
        const number = varint();
        if (number === undefined) return undefined;
        fields.push({ field, number, bytes: undefined });
        break;
      }
      case wireLength: {
        const length = varint();
        if (length === undefined || at + length > message.length) return undefined;
        fields.push({ field, number: 0, bytes: message.subarray(at, at + length) });
        at += length;
        break;
      }
      case wire64:
      case wire32:
        at += key % 8 === wire64 ? 8 : 4;
        if (at > message.length) return undefined;
        fields.push({ field, number: 0, bytes: undefined });
        break;
      default:
        return undefined;
    }
  }
  return fields;
}
