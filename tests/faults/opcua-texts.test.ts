// A server chooses its texts: values, names and reasons of failures. However long they are, they take no room of others: not in the document, and
// not in the log.

import assert from "node:assert/strict";
import { DataType, GetEndpointsResponse, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { addConstant } from "../plant/opcua-server.ts";
import { endpointsOf, messageOf } from "../plant/opcua-messages.ts";
import { messageChunks, startRogue } from "../plant/rogue-opcua.ts";
import { addBornVariables } from "./born-opcua.ts";
import { fault } from "./fault.ts";
import { neighbourOfFile, OpcUaScene, Victim } from "./opcua-scene.ts";

const neighbour = neighbourOfFile("usual");
const longCharacters = 12_000;
const longNamed = ["first", "second"];
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Places 0 and 1, a text of this length, and nodes with long browse names. */
function withTexts(length: number) {
  return (server: OPCUAServer): void => {
    addBornVariables(server, 0, 2);
    addConstant(server, "text", new Variant({ dataType: DataType.String, value: "x".repeat(length) }));
    const { addressSpace } = server.engine;
    for (const name of longNamed)
      addressSpace?.getNamespace(1).addVariable({
        organizedBy: addressSpace.rootFolder.objects,
        nodeId: `ns=1;s=${name}`,
        browseName: name.padEnd(longCharacters, "y"),
        dataType: "Byte",
        value: new Variant({ dataType: DataType.Byte, value: 1 }),
      });
  };
}

fault({
  area: "OPC UA server",
  trigger: "two of its browse names have 12 kB, and a value becomes a text of 12 kB, where the segment has 10 kB",
  holds:
    "the text alone is missing from the document; every connection entry, the other values and the neighbour's are there with their descriptions",
  run: async (t) => {
    const victim = await Victim.start(t, 2, { build: withTexts(8) });
    const xml = { furtherNodes: ["text", ...longNamed].map((name) => ({ name })) };
    const args = ["--segment-size", "10240"];
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml, args, victimTimeoutMs: 2000 });
    const { partition } = scene;
    const document = () => partition.sandbox.document("opcua_shm") ?? {};
    /** The neighbour's points, the others of the victim, and the connections. */
    const isElseComplete = (shown: ReturnType<typeof document>): boolean => {
      const aliases = ["victim", "neighbour"].map((alias) => `OPC UA Connections:${alias}`);
      const points = ["1:p0", "1:p1", "1:p900", "1:p901"];
      const named = Object.keys(shown).filter((key) => longNamed.some((name) => key.includes(name)));
      return (
        named.length === longNamed.length &&
        [...aliases, ...points, ...named].every((key) => textOf(shown[key]?.["description"]) !== "") &&
        aliases.every((key) => shown[key]?.["value"] === true)
      );
    };
    await scene.isHealthy();
    await partition.until("everything is shown", () => "1:text" in document() && isElseComplete(document()));
    await victim.comesBack({ build: withTexts(longCharacters) });
    await scene.recovers();
    await partition.until("the long text alone is missing", () => {
      const shown = document();
      return shown["Entries missing"]?.["value"] === 1 && !("1:text" in shown) && isElseComplete(shown);
    });
    await victim.comesBack({ build: withTexts(8) });
    await partition.until("the text is shown again", () => document()["1:text"]?.["value"] === "x".repeat(8));
    await scene.recovers();
    await scene.ends(victim);
  },
});

const manyCharacters = 200_000;
const longestRecord = 2000;

fault({
  area: "OPC UA server",
  trigger: "the security policy that it offers has a name of 200 kB",
  holds:
    "the log has one short record with the beginning of the name and the remedy, and the neighbour's values stay good",
  run: async (t) => {
    const endpoints = endpointsOf(Buffer.alloc(0)).map((endpoint) => Object.assign(endpoint, { securityPolicyUri }));
    const message = messageOf(new GetEndpointsResponse({ endpoints: endpoints.slice(0, 1) }));
    await using rogue = await startRogue({ endpoints: (id, next) => messageChunks(message, id, next) });
    const scene = new OpcUaScene(t, { victim: rogue, neighbour: neighbour() });
    const { partition } = scene;
    await partition.untilGood("neighbour");
    await scene.shows("SecurityRefused", /it offers no\.no\./);
    const records = (): readonly unknown[] =>
      partition.child.logged(/it offers no\.no\..*choose one of these for <policy>/);
    await partition.until("the log says it, too", () => records().length > 0);
    assert.equal(records().length, 1);
    const { length } = JSON.stringify(records()[0]);
    assert.ok(length < longestRecord, `a record of ${length} characters`);
    await partition.end();
  },
});

const securityPolicyUri = `http://plant/#${"no.".repeat(manyCharacters / 3)}`;
