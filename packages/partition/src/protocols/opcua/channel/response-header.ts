// The header of a response (OPC 10000-4, 7.34), of which nobody reads more than the service result.
//
//   TypeId | Timestamp | RequestHandle | ServiceResult | ServiceDiagnostics | StringTable | AdditionalHeader | the response's own fields
//          |  8 bytes  |      u32      |      u32      |  DiagnosticInfo    |   String[]  | ExtensionObject  |
//
// The last three have no bound but the size of the message, and node-opcua makes objects of all that they contain. They are skipped here
// without decoding anything, and empty ones are put in their place, in the message's own memory. Pure but for that.

/** Which response it is, and where its fields begin once the header is read. */
export interface ResponseStart {
  /** Numeric id of the binary encoding, namespace 0 (OPC 10000-6, A.3). */
  readonly typeId: number;
  /** From the timestamp to the end, with a header that is as short as can be. */
  readonly bytes: Buffer;
}

const fixedBytes = 8 + 4 + 4;
const requestHandleOffset = 8;
/** DiagnosticInfo without fields; StringTable of length -1; AdditionalHeader with the null node id and no body. */
const emptyRest = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0]);

/**
 * Throws a RangeError where the message is no response. `requestId` is that of the sequence header, which pairs answers with questions; it
 * becomes the request handle, too: node-opcua writes the whole response into a text when they differ.
 */
export function readResponseStart(message: Buffer, requestId: number): ResponseStart {
  const reader = new Skipper(message);
  const typeId = reader.typeId();
  const fixedOffset = reader.offset;
  reader.skip(fixedBytes);
  reader.skipDiagnosticInfo();
  reader.skipStrings();
  reader.skipExtensionObject();
  const start = reader.offset - emptyRest.length - fixedBytes;
  message.copyWithin(start, fixedOffset, fixedOffset + fixedBytes);
  message.writeUInt32LE(requestId, start + requestHandleOffset);
  emptyRest.copy(message, start + fixedBytes);
  return { typeId, bytes: message.subarray(start) };
}

const noLength = -1;

class Skipper {
  readonly #message: Buffer;
  offset = 0;

  constructor(message: Buffer) {
    this.#message = message;
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
