// Read requests (OPC 10000-4, 5.11.2) for the same nodes again and again: what stands behind the header is made into bytes once.
//
//   RequestHeader | MaxAge | TimestampsToReturn | NodesToRead: length | ReadValueId ...
//                 | Double |        u32         |         u32         |
//
// node-opcua makes four objects of a node that is read, keeps them, and encodes a request twice each time it is sent: once to learn its size.

import { NodeId, ReadRequest, ReadValueId } from "node-opcua-client";
import type { ReadValueIdOptions, TimestampsToReturn } from "node-opcua-client";
import { streamOver } from "./decode-budget.ts";

const timestampsOffset = 8;
const countOffset = timestampsOffset + 4;
const headBytes = countOffset + 4;
/** Of a node, to begin with. */
const guessedBytes = 32;

/** Some of the nodes, as a request that may be sent again and again. */
export class RepeatedRead extends ReadRequest {
  readonly nodeCount: number;
  /** What stands behind the header. */
  readonly #parts: readonly Uint8Array<ArrayBuffer>[];

  constructor(timestamps: TimestampsToReturn, nodeCount: number, nodes: Uint8Array<ArrayBuffer>) {
    super();
    this.nodeCount = nodeCount;
    const head = new DataView(new ArrayBuffer(headBytes)); // MaxAge 0: as the device has it now
    head.setUint32(timestampsOffset, timestamps, true);
    head.setUint32(countOffset, nodeCount, true);
    this.#parts = [new Uint8Array(head.buffer), nodes];
  }

  override encode(stream: Parameters<ReadRequest["encode"]>[0]): void {
    this.requestHeader.encode(stream);
    for (const { buffer, byteOffset, byteLength } of this.#parts)
      stream.writeArrayBuffer(buffer, byteOffset, byteLength);
  }
}

/** Beside the identifier, where there is neither an index range nor an encoding. */
const mostFixedBytes = 32;

/** Of a node in a request. To know exactly is to encode it once more; a character has three bytes at most (UTF-8, of UTF-16's units). */
function mostBytesOf({ value }: NodeId): number {
  return mostFixedBytes + (typeof value === "number" ? 0 : 3 * value.length);
}

/** Nodes as they stand in a request, one behind the other. */
export class EncodedNodes {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Where each begins, and the end of the last. */
  readonly #starts: Uint32Array;

  /** With no `dataEncoding`. */
  constructor(nodes: readonly ReadValueIdOptions[]) {
    this.#starts = new Uint32Array(nodes.length + 1);
    let stream = streamOver(Buffer.alloc(guessedBytes * nodes.length));
    const plain = new ReadValueId();
    for (const [index, options] of nodes.entries()) {
      const { nodeId, attributeId, indexRange } = options;
      const isPlain = nodeId instanceof NodeId && attributeId !== undefined && indexRange === undefined;
      const node = isPlain ? Object.assign(plain, { nodeId, attributeId }) : new ReadValueId(options);
      const needed = stream.length + (isPlain ? mostBytesOf(plain.nodeId) : node.binaryStoreSize());
      if (needed > stream.buffer.length) {
        const { length } = stream;
        stream = streamOver(Buffer.concat([stream.buffer], 2 * needed));
        stream.length = length;
      }
      node.encode(stream);
      this.#starts[index + 1] = stream.length;
    }
    this.#bytes = new Uint8Array(stream.buffer.subarray(0, stream.length));
  }

  request(timestamps: TimestampsToReturn, first: number, count: number): RepeatedRead {
    const nodes = this.#bytes.subarray(this.#starts[first], this.#starts[first + count]);
    return new RepeatedRead(timestamps, count, nodes);
  }
}
