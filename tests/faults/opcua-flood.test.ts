// A server that has a session turns hostile: it sends more than was asked for, or values as large as it can make them.

import assert from "node:assert/strict";
import { DataType, DataValue, Variant, VariantArrayType } from "node-opcua-client";
import { addBornVariables } from "./born-opcua.ts";
import { addConstant } from "../plant/opcua-server.ts";
import { fault, times } from "./fault.ts";
import { neighbourOfFile, OpcUaScene, Victim } from "./opcua-scene.ts";

const neighbour = neighbourOfFile();

fault({
  area: "OPC UA server",
  trigger: "it sends each answer fifty times",
  holds:
    "its connection is dropped as one that floods, its neighbour's values stay good, and so are its own when it stops",
  extent: "quick",
  run: async (t) => {
    const victim = await Victim.start(t, 2);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), victimTimeoutMs: 5000 });
    await scene.isHealthy();
    victim.copies = 50;
    const floods = (): number => scene.partition.child.logged(/it floods us with answers that nobody asked for/).length;
    await scene.partition.until("it was dropped for what it is", () => floods() > 0);
    victim.copies = 0;
    await scene.recovers();
    // The session of a connection that was cut stays at the server for a while.
    await scene.ends();
  },
});

const many = 200_000;
const large: Readonly<Record<string, Variant>> = {
  "a text of 4 MB": new Variant({ dataType: DataType.String, value: "x".repeat(4_000_000) }),
  "an array of 200,000 texts": arrayOf(DataType.String, ""),
  "an array of 200,000 values with status and time": arrayOf(DataType.DataValue, new DataValue({})),
  "an array of 200,000 variants": arrayOf(DataType.Variant, new Variant({ dataType: DataType.Byte, value: 1 })),
  "an array of 500,000 numbers": new Variant({
    dataType: DataType.Double,
    arrayType: VariantArrayType.Array,
    value: new Float64Array(500_000).fill(0.1),
  }),
};

/** Past the opinion of the library's constructor, which looks at each element. */
function arrayOf(dataType: DataType, element: unknown): Variant {
  const value = Array.from({ length: many }, () => element);
  return Object.assign(new Variant(), { dataType, arrayType: VariantArrayType.Array, value });
}

for (const [what, variant] of Object.entries(large)) {
  fault({
    area: "OPC UA server",
    trigger: `a value becomes ${what}`,
    holds: "the other values stay good, and so does the neighbour's",
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
      assert.equal(scene.reconnects, 0);
      victim.answer = undefined;
      await scene.recovers();
      await scene.ends(victim);
    },
  });
}
