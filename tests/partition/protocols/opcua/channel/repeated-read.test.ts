// Requests that are encoded once, against the library's own encoding of the same nodes.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { NodeId, ReadRequest, RequestHeader, TimestampsToReturn } from "node-opcua-client";
import { EncodedNodes } from "../../../../../packages/partition/src/protocols/opcua/channel/repeated-read.ts";
import { streamOver } from "../../../../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { valueToRead } from "../../../../../packages/partition/src/protocols/opcua/index-range.ts";

const { NodeIdType } = NodeId;

function bytesOf(request: ReadRequest): Buffer {
  const bytes = Buffer.alloc(request.binaryStoreSize());
  request.encode(streamOver(bytes));
  return bytes;
}

const nodeId = fc.oneof(
  fc
    .tuple(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 0xffff }))
    .map(([value, index]) => new NodeId(NodeIdType.NUMERIC, value, index)),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }).map((value) => new NodeId(NodeIdType.STRING, value, 2)),
  fc.uint8Array({ minLength: 1 }).map((bytes) => new NodeId(NodeIdType.BYTESTRING, Buffer.from(bytes), 3)),
);
const value = fc
  .tuple(nodeId, fc.option(fc.constantFrom("0:9", "3", "1:2,0:1"), { nil: undefined }))
  .map(([id, indexRange]) => valueToRead(id, { indexRange } as Parameters<typeof valueToRead>[1]));

test("a request for some of the nodes has the bytes of a request of the library for them, each time it is sent", () => {
  const someOf = fc
    .array(value, { maxLength: 40 })
    .chain((nodes) => fc.tuple(fc.constant(nodes), fc.nat({ max: nodes.length }), fc.nat({ max: nodes.length })));
  fc.assert(
    fc.property(someOf, fc.nat({ max: 0xffff }), ([nodes, a, b], requestHandle) => {
      const [first, end] = [Math.min(a, b), Math.max(a, b)];
      const timestampsToReturn = TimestampsToReturn.Source;
      const expected = new ReadRequest({ timestampsToReturn, nodesToRead: nodes.slice(first, end) });
      const request = new EncodedNodes(nodes).request(timestampsToReturn, first, end - first);
      for (const handle of [requestHandle, requestHandle + 1]) {
        const header = { requestHandle: handle, timestamp: new Date(0) };
        request.requestHeader = new RequestHeader(header);
        expected.requestHeader = new RequestHeader(header);
        assert.deepEqual(bytesOf(request), bytesOf(expected));
      }
    }),
    { numRuns: 50 },
  );
});
