// Passes over fields of a message without making anything of them.

const noLength = -1;

/** Throws a RangeError where the message is cut off, or is not what was asked for. */
export class Skipper {
  readonly #message: Buffer;
  offset: number;

  constructor(message: Buffer, offset = 0) {
    this.#message = message;
    this.offset = offset;
  }

  skip(bytes: number): void {
    if (bytes < 0 || this.offset + bytes > this.#message.length) throw new RangeError("the message is cut off");
    this.offset += bytes;
  }

  #byte(): number {
    this.skip(1);
    return this.#message.readUInt8(this.offset - 1);
  }

  #int32(): number {
    this.skip(4);
    return this.#message.readInt32LE(this.offset - 4);
  }

  /** OPC 10000-6, 5.2.2.9: a numeric node id of namespace 0 in any of its three forms. */
  typeId(): number {
    const form = this.#byte();
    const namespaceBytes = [0, 1, 2][form];
    const idBytes = [1, 2, 4][form];
    if (namespaceBytes === undefined || idBytes === undefined) throw new RangeError("its type is no numeric node id");
    this.skip(namespaceBytes + idBytes);
    const namespace =
      namespaceBytes === 0 ? 0 : this.#message.readUIntLE(this.offset - idBytes - namespaceBytes, namespaceBytes);
    if (namespace !== 0) throw new RangeError("its type is not of the standard");
    return this.#message.readUIntLE(this.offset - idBytes, idBytes);
  }

  /** 5.2.2.1: a length and so many bytes; String, ByteString and XmlElement look alike. */
  #skipText(): void {
    const length = this.#int32();
    if (length !== noLength) this.skip(length);
  }

  /** 5.2.2.12: a mask says which fields there are; the last can be another one of the kind. */
  skipDiagnosticInfo(): void {
    for (;;) {
      const mask = this.#byte();
      for (const flag of [1, 2, 4, 8]) if ((mask & flag) !== 0) this.skip(4);
      if ((mask & 0x10) !== 0) this.#skipText();
      if ((mask & 0x20) !== 0) this.skip(4);
      if ((mask & 0x40) === 0) return;
    }
  }

  skipStrings(): void {
    for (let rest = this.#int32(); rest > 0; rest--) this.#skipText();
  }

  /** 5.2.2.15: the type, a byte that says whether there is a body, and the body with its length. */
  skipExtensionObject(): void {
    const form = this.#byte();
    const fixed = [1, 3, 6, 2, 18, 2][form];
    if (fixed === undefined) throw new RangeError("a node id has an unknown form");
    this.skip(fixed);
    if (form === 3 || form === 5) this.#skipText();
    const encoding = this.#byte();
    if (encoding > 2) throw new RangeError("an extension object has an unknown encoding");
    if (encoding !== 0) this.#skipText();
  }
}
