// How large a message of a server may be, and how much memory its contents may take. Importing this file sets the limits in the thread
// that does.
//
// node-opcua takes its limits from what the server acknowledges (OPC 10000-6, 7.1.2.4), so a hostile one chooses them itself; and an array of
// elements that have no bytes on the wire takes eight bytes of memory for each that it claims, a million from a Variant of five bytes. Either
// ends the process for want of memory, and both can come before anybody has shown a certificate.

import { MessageBuilder, Variant } from "node-opcua-client";

/** Thousand nodes of 4 KiB. Decoded, the worst message of this size takes some 600 MiB. */
export const largestMessageBytes = 4 * 1024 * 1024;
/** OPC 10000-6, 7.1.2.3: a chunk has at least 8192 bytes where both sides allow so much. */
const mostChunks = 2 * (largestMessageBytes / 8192);

/** Said in the Hello: a server that has more to say answers BadResponseTooLarge, and is asked for less. */
export const transportSettings = { maxMessageSize: largestMessageBytes, maxChunkCount: mostChunks };

const feed = Reflect.get(MessageBuilder.prototype, "feed");
MessageBuilder.prototype.feed = function (this: MessageBuilder, chunk): void {
  Object.assign(this, {
    maxMessageSize: Math.min(this.maxMessageSize, largestMessageBytes),
    maxChunkCount: Math.min(this.maxChunkCount, mostChunks),
  });
  feed.call(this, chunk);
};

const arrayOfNull = 0x80;
const dimensionsFlag = 0x40;

const decode = Reflect.get(Variant.prototype, "decode");
Variant.prototype.decode = function (this: Variant, stream): void {
  const { buffer, length: offset } = stream;
  // OPC 10000-6, 5.2.2.16: an encoding byte with the type in its lower six bits, then the length; Null is type 0.
  if ((buffer.readUInt8(offset) & ~dimensionsFlag) === arrayOfNull && buffer.readInt32LE(offset + 1) > 0) {
    throw new RangeError("cannot decode an array of Null because Null has no values");
  }
  decode.call(this, stream);
};
