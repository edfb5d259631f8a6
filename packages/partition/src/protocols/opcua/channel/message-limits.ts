// How large a message of a server may be, and how much memory its contents may take.
//
// node-opcua takes its limits from what the server acknowledges (OPC 10000-6, 7.1.2.4), so a hostile one chooses them itself, that of our own
// buffer for sending included; and an array of elements that have no bytes on the wire takes eight bytes of memory for each that it claims, a
// million from a Variant of five bytes. Either ends the process for want of memory, and both come before anybody has shown a certificate.

import { Variant } from "node-opcua-client";
import { ClientTCP_transport } from "node-opcua-transport";

/** Thousand nodes of 4 KiB. Decoded, the worst message of this size takes some 600 MiB. */
export const largestMessageBytes = 4 * 1024 * 1024;
/** The largest chunk; node-opcua's own choice. */
const bufferBytes = 10 * 65_536;
/** Enough for the smallest chunks that a server may insist on (7.1.2.3: 8192 bytes), half full. */
const mostChunks = 1024;
/** Below this a chunk has no room for a message. */
const leastBufferBytes = 1024;

/** Said in the Hello: a server that has more to say answers BadResponseTooLarge, and is asked for less. */
export const transportSettings = {
  maxMessageSize: largestMessageBytes,
  maxChunkCount: mostChunks,
  receiveBufferSize: bufferBytes,
  sendBufferSize: bufferBytes,
};

/** Zero stands for no limit. */
function atMost(acknowledged: number, limit: number): number {
  return acknowledged === 0 ? limit : Math.min(acknowledged, limit);
}

/** A connection whose limits are ours, whatever the server acknowledges. */
export class LimitedTransport extends ClientTCP_transport {
  override setLimits(acknowledged: Parameters<ClientTCP_transport["setLimits"]>[0]): void {
    // Some of it is read from the acknowledgement later: it has to be right itself.
    Object.assign(acknowledged, {
      receiveBufferSize: Math.max(leastBufferBytes, atMost(acknowledged.receiveBufferSize, bufferBytes)),
      sendBufferSize: Math.max(leastBufferBytes, atMost(acknowledged.sendBufferSize, bufferBytes)),
      maxMessageSize: atMost(acknowledged.maxMessageSize, largestMessageBytes),
      maxChunkCount: atMost(acknowledged.maxChunkCount, mostChunks),
    });
    super.setLimits(acknowledged);
  }
}

const arrayOfNull = 0x80;
const dimensionsFlag = 0x40;
let isRefusing = false;

/**
 * Done with the first connection, and not with the import: node-opcua decodes all messages of a process by this one method, and has no
 * place to step in for a single connection. It refuses only what no server may send.
 */
export function refuseArraysOfNull(): void {
  if (isRefusing) return;
  isRefusing = true;
  const decode = Reflect.get(Variant.prototype, "decode");
  Variant.prototype.decode = function (this: Variant, stream): void {
    const { buffer, length: offset } = stream;
    // OPC 10000-6, 5.2.2.16: an encoding byte with the type in its lower six bits, then the length; Null is type 0.
    if ((buffer.readUInt8(offset) & ~dimensionsFlag) === arrayOfNull && buffer.readInt32LE(offset + 1) > 0) {
      throw new RangeError("cannot decode an array of Null because Null has no values");
    }
    decode.call(this, stream);
  };
}
