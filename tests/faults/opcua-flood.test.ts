// A server that has a session turns hostile: it sends more than was asked for, or values as large as it can make them.

import assert from "node:assert/strict";
import { DataType, DataValue, Variant, VariantArrayType } from "node-opcua-client";
import { addBornVariables } from "./born-opcua.ts";
import { addConstant } from "../plant/opcua-server.ts";
import { fault, times } from "./fault.ts";
import { neighbourOfFile, OpcUaScene, Victim } from "./opcua-scene.ts";
import { NeighbourWatch } from "./neighbour-watch.ts";

const neighbour = neighbourOfFile("usual");

fault({
  area: "OPC UA server",
  trigger: "it sends each answer fifty times",
  holds:
    "its connection is dropped as one that floods, its neighbour's values stay good and are read on time, and its own are good when it stops",
  run: async (t) => {
    const victim = await Victim.start(t, 2);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), victimTimeoutMs: 5000 });
    await scene.isHealthy();
    const neighbours = await NeighbourWatch.start(t, scene.partition);
    victim.copies = 50;
    const floods = (): number => scene.partition.child.logged(/it floods us with answers that nobody asked for/).length;
    await scene.partition.until("it was dropped for what it is", () => floods() > 0);
    await neighbours.judge();
    victim.copies = 0;
    await scene.recovers();
    // The session of a connection that was cut stays at the server for a while.
    await scene.ends();
  },
});

const flooders = 5;

fault({
  area: "OPC UA server",
  trigger: "five of them send each answer fifty times, all at once",
  holds:
    "each connection is dropped as one that floods, the neighbour is polled within 50 ms of its time, and all are good when they stop",
  run: async (t) => {
    const victims = await Promise.all(Array.from({ length: flooders }, () => Victim.start(t, 2)));
    const [victim, ...others] = victims;
    assert.ok(victim);
    const scene = new OpcUaScene(t, { victim, others, neighbour: neighbour(), victimTimeoutMs: 5000 });
    const aliases = victims.map((_, index) => (index === 0 ? "victim" : `victim ${index + 1}`));
    await scene.partition.untilGood("neighbour", ...aliases);
    await scene.partition.healthy();
    const neighbours = await NeighbourWatch.start(t, scene.partition);
    for (const one of victims) one.copies = 50;
    const isDropped = (alias: string): boolean =>
      (scene.partition.witness.server(alias)?.failures.ProtocolViolation ?? 0) > 0;
    await scene.partition.until("each was dropped", () => aliases.every(isDropped));
    await neighbours.judge();
    for (const one of victims) one.copies = 0;
    await scene.partition.untilGood("neighbour", ...aliases);
    await scene.ends();
  },
});

const many = 200_000;
const million = new Variant({
  dataType: DataType.Float,
  arrayType: VariantArrayType.Array,
  value: new Float32Array(1_000_000).fill(0.1),
});
const large: Readonly<Record<string, Variant>> = {
  "a text of 4 MB": new Variant({ dataType: DataType.String, value: "x".repeat(4_000_000) }),
  "an array of 200,000 texts": arrayOf(DataType.String, "", many),
  "an array of 1,000,000 numbers": million,
  "an array with an array of 1,000,000 numbers in it": arrayOf(DataType.Variant, million, 1),
  "an array of 200,000 values with status and time": arrayOf(DataType.DataValue, new DataValue({}), many),
  "an array of 200,000 variants": arrayOf(DataType.Variant, new Variant({ dataType: DataType.Byte, value: 1 }), many),
};

/** Past the opinion of the library's constructor, which looks at each element. */
function arrayOf(dataType: DataType, element: unknown, length: number): Variant {
  const value = Array.from({ length }, () => element);
  return Object.assign(new Variant(), { dataType, arrayType: VariantArrayType.Array, value });
}

for (const [what, variant] of Object.entries(large)) {
  fault({
    area: "OPC UA server",
    trigger: `a value becomes ${what}`,
    holds: "the other values stay good, and so does the neighbour's, which is polled within 50 ms of its time",
    run: async (t) => {
      const victim = await Victim.start(t, 2, {
        build: (server) => {
          addBornVariables(server, 0, 2);
          addConstant(server, "large", new Variant({ dataType: DataType.Byte, value: 1 }));
        },
      });
      const xml = { furtherNodes: [{ name: "large" }] };
      const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml, victimTimeoutMs: 10_000 });
      await scene.isHealthy();
      const neighbours = await NeighbourWatch.start(t, scene.partition);
      victim.answer = ({ nodesToRead }, results) =>
        results.map((result, index) =>
          String(nodesToRead?.[index]?.nodeId).endsWith(";s=large") && nodesToRead?.[index]?.attributeId === 13
            ? Object.assign(new DataValue({}), { value: variant })
            : result,
        );
      const { witness } = scene.partition;
      const last = scene.cycles + times({ quick: 5, usual: 20, long: 200 });
      await scene.partition.until("enough cycles went by", () => scene.cycles >= last);
      await scene.partition.until("the others are good", () => witness.statuses("victim")?.slice(1).join() === "0,0");
      await neighbours.judge();
      assert.equal(scene.reconnects, 0);
      victim.answer = undefined;
      await scene.recovers();
      await scene.ends(victim);
    },
  });
}
