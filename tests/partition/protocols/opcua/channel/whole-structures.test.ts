// What node-opcua makes of a structure of the standard that is not what its type says: the value that it shows is not taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeId } from "node-opcua-client";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { addConstant, nodeNamed } from "../../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../../plant/opcua-rig.ts";
import { double } from "../../../../plant/opcua-structures.ts";
import { opaque } from "../own-structure.ts";

/** OPC 10000-6, A.1: Range_Encoding_DefaultBinary. A range is two Doubles. */
const rangeEncoding = new NodeId(NodeId.NodeIdType.NUMERIC, 886, 0);
const range = [...double(-5), ...double(20)];

const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    addConstant(server, "whole", opaque(rangeEncoding, range));
    addConstant(server, "short", opaque(rangeEncoding, range.slice(0, 12)));
    addConstant(server, "long", opaque(rangeEncoding, [...range, 0]));
  },
});

test("a structure of the standard is its value and its members, or none of them", async () => {
  const nodes = ["whole", "short", "long"].flatMap((name, at) => [
    nodeNamed(name),
    nodeNamed(name, { member: { owner: 2 * at, path: "High", steps: ["High"] } }),
  ]);
  const sink = await polled(await rig.connected({ nodes }));
  assert.equal(sink.value(0), '{"UaTypeId":"i=884","Low":-5.0,"High":20.0}');
  assert.equal(sink.value(1), 20);
  for (const index of [2, 3, 4, 5]) assert.equal(sink.status(index), StatusCode.BadDecodingError, String(index));
});
