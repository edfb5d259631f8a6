// Parts of arrays, texts and matrices, read and subscribed to, at a real server; and what the library makes of a range on the wire.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateMonitoredItemsRequest,
  DataType,
  NodeId,
  ReadRequest,
  Variant,
  VariantArrayType,
} from "node-opcua-client";
import type { ServiceFault } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import { valueToRead } from "../../../../packages/partition/src/protocols/opcua/index-range.ts";
import { messageOf } from "../../../plant/opcua-messages.ts";
import { addConstant, nodeNamed, RecordingSink, never } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";
import { SubscribedSource, subscribedNode, subscribedServer } from "../../../plant/subscribed.ts";

const levels = Float64Array.from({ length: 100 }, (_, index) => index / 2);
const matrix = [11, 12, 13, 21, 22, 23];
let levelsOfServer: ReturnType<typeof addArray>;

const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    levelsOfServer = addArray(server, "levels", DataType.Double, levels);
    addArray(server, "cells", DataType.Int32, Int32Array.from(matrix), [2, 3]);
    addConstant(
      server,
      "whole",
      new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value: levels }),
    );
  },
});

/** A variable whose ranges the server cuts out itself. */
function addArray(
  { engine: { addressSpace } }: OPCUAServer,
  name: string,
  dataType: DataType,
  value: unknown,
  dimensions?: number[],
) {
  if (addressSpace === null) throw new TypeError("server has no address space");
  const arrayType = dimensions === undefined ? VariantArrayType.Array : VariantArrayType.Matrix;
  return addressSpace.getOwnNamespace().addVariable({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: `s=${name}`,
    browseName: name,
    dataType,
    valueRank: dimensions?.length ?? 1,
    minimumSamplingInterval: 0,
    value: new Variant({ dataType, arrayType, value, ...(dimensions === undefined ? {} : { dimensions }) }),
  });
}

const part = (name: string, indexRange: string) => nodeNamed(name, { indexRange });

test("each node is the part of the value that its range names", async () => {
  const nodes = [part("levels", "3"), part("levels", "10:12"), nodeNamed("levels"), part("cells", "1,0:1")];
  const sink = await polled(await rig.connected({ nodes }));
  assert.deepEqual(sink.value(0), [1.5]);
  assert.deepEqual(sink.value(1), [5, 5.5, 6]);
  assert.deepEqual(sink.value(2), [...levels]);
  assert.deepEqual(sink.value(3), [21, 22]);
});

test("a range without elements costs its own node only, and the log names the element to change", async () => {
  const client = await rig.connected({ nodes: [part("levels", "200:210"), part("levels", "0:1")] });
  const sink = new RecordingSink();
  for (let poll = 0; poll < 3; poll++) await client.poll(sink, never);
  assert.equal(sink.status(0), 0x80370000);
  assert.deepEqual(sink.value(1), [0, 0.5]);
  assert.match(rig.logged.join("\n"), /ns=1;s=levels\[200:210\] "Display levels": BadIndexRangeNoData, .*<IndexRange>/);
});

test("a server that sends the whole value instead is not believed", async () => {
  const sink = await polled(await rig.connected({ nodes: [part("whole", "3"), nodeNamed("whole")] }));
  assert.equal(sink.status(0), StatusCode.BadIndexRangeDataMismatch);
  assert.deepEqual(sink.value(1), [...levels]);
});

test("a range goes onto the wire as it is configured, with as many dimensions as it has", () => {
  for (const range of ["1,1", "0:1,2,3:4", "7"]) {
    const request = new ReadRequest({ nodesToRead: [valueToRead(new NodeId(), part("cells", range))] });
    const lengthAndText = Buffer.from([range.length, 0, 0, 0, ...Buffer.from(range)]);
    assert.ok(messageOf(request as unknown as ServiceFault).includes(lengthAndText), range);
  }
});

test("a subscription monitors the part, and reports it when it changes", { timeout: 200_000 }, async (t) => {
  const nodes = [
    subscribedNode("levels", {}, { indexRange: "3" }),
    subscribedNode("levels", {}, { indexRange: "500" }),
  ];
  const of = new SubscribedSource(subscribedServer(rig.url, { nodes }), rig.folder);
  t.after(() => of.stop());
  const ranges: (string | null)[] = [];
  const see = (request: unknown): void => {
    if (request instanceof CreateMonitoredItemsRequest)
      for (const { itemToMonitor } of request.itemsToCreate ?? [])
        ranges.push(itemToMonitor.indexRange.toEncodeableString() ?? null);
  };
  await rig.during("request", see, async () => {
    await of.start();
    await of.until("the element came", () => of.values(0).length > 0);
    levelsOfServer.setValueFromSource(
      new Variant({
        dataType: DataType.Double,
        arrayType: VariantArrayType.Array,
        value: levels.map((level) => level + 1),
      }),
    );
    await of.until("its change came", () => of.values(0).length > 1);
    await of.until("the other was judged", () => (of.status(1) ?? 0) !== 0);
  });
  assert.deepEqual(of.values(0), [[1.5], [2.5]]);
  assert.deepEqual(ranges.slice(0, 2), ["3", "500"]);
  assert.equal(of.status(1), 0x80370000);
});
