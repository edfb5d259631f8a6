// What an OPC UA server answers is wrong, or is no longer what it was.

import assert from "node:assert/strict";
import {
  DataType,
  OpenSecureChannelResponse,
  ReadResponse,
  ServerState,
  StatusCodes,
  Variant,
  type DataValue,
  type ReadRequest,
} from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { addConstant } from "../plant/opcua-server.ts";
import { addBornVariables } from "./born-opcua.ts";
import { pointName } from "./born-value.ts";
import { fault, times } from "./fault.ts";
import { neighbourOfFile, OpcUaScene, Victim } from "./opcua-scene.ts";
import { Certificates, policy } from "./trusted-opcua.ts";

const neighbour = neighbourOfFile("usual");
const uris = ["urn:plant:one", "urn:plant:two"] as const;

/** The namespaces in this order; places 0 and 1 are in the first URI, 2 and 3 in the second. */
function withNamespaces(...order: readonly (typeof uris)[number][]) {
  return (server: OPCUAServer): void => {
    const { addressSpace } = server.engine;
    for (const uri of order) addressSpace?.registerNamespace(uri);
    for (const uri of order) addBornVariables(server, 2 * uris.indexOf(uri), 2, addressSpace?.getNamespaceIndex(uri));
  };
}

fault({
  area: "OPC UA server",
  trigger: "it returns with its namespaces in another order, and without one of them",
  holds: "every value belongs to its point by the namespace's URI, and what is missing is bad alone",
  run: async (t) => {
    const victim = await Victim.start(t, 4, { build: withNamespaces(...uris) });
    const xml = { namespaceOf: (place: number) => uris[place < 2 ? 0 : 1] };
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points: 4, xml });
    const { witness } = scene.partition;
    await scene.isHealthy();
    await victim.comesBack({ build: withNamespaces(uris[1], uris[0]) });
    await scene.recovers();
    await victim.comesBack({ build: withNamespaces(uris[1]) });
    await scene.partition.until("the values of the namespace that is left are good", () => {
      const [a = 0, b = 0, c, d] = witness.statuses("victim") ?? [];
      return a === StatusCodes.BadNodeIdUnknown.value && b === a && c === 0 && d === 0;
    });
    await victim.comesBack({ build: withNamespaces(...uris) });
    await scene.recovers();
    await scene.ends(victim);
  },
});

/** Of three. */
function allButTheSecond(server: OPCUAServer): void {
  addBornVariables(server, 0, 1);
  addBornVariables(server, 2, 1);
}

fault({
  area: "OPC UA server",
  trigger: "it returns without a node, and then with another type",
  holds:
    "the node that is gone is bad alone, the other type is in the image and not under the key in the document, and the first type comes back",
  run: async (t) => {
    const victim = await Victim.start(t, 3);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points: 3 });
    const { partition } = scene;
    await scene.isHealthy();
    await victim.comesBack({ build: allButTheSecond });
    const gone = StatusCodes.BadNodeIdUnknown.value;
    await partition.until("the node that is gone is bad alone", () => {
      return String(partition.witness.statuses("victim")) === String([0, gone, 0]);
    });
    await victim.comesBack({
      build: (server) => {
        allButTheSecond(server);
        addConstant(server, pointName(1), new Variant({ dataType: DataType.String, value: "twelve" }));
      },
    });
    await scene.recovers();
    await partition.until("the image has the other type and the document leaves the entry out", () => {
      const document = partition.sandbox.document("opcua_shm") ?? {};
      return partition.witness.isGood("victim") && "1:p0" in document && !("1:p1" in document);
    });
    await victim.comesBack();
    await scene.recovers();
    await partition.until("the document shows the first type", () => {
      return partition.sandbox.document("opcua_shm")?.["1:p1"]?.["varType"] === "Double";
    });
    await scene.ends(victim);
  },
});

const states = [
  ServerState.Suspended,
  ServerState.Failed,
  ServerState.NoConfiguration,
  ServerState.Shutdown,
  ServerState.Test,
  ServerState.Unknown,
];

fault({
  area: "OPC UA server",
  trigger: "it says that it does not run, and goes on answering",
  holds: "its values are bad, status names the state, and they are good again when it runs",
  run: async (t) => {
    const victim = await Victim.start(t, 2);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour() });
    await scene.isHealthy();
    for (const state of states.slice(0, times({ quick: 1, usual: states.length, long: states.length }))) {
      victim.server.engine.setServerState(state);
      const name = ServerState[state];
      await scene.isFailing("ServiceFault", new RegExp(`the server says that it is ${name}: its values are not taken`));
      victim.server.engine.setServerState(ServerState.Running);
      await scene.recovers();
    }
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it answers too few results",
  holds: "no value moves to another point, status says how many results came, and the next right answer is taken",
  run: async (t) => {
    const victim = await Victim.start(t, 20);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points: 20 });
    await scene.isHealthy();
    for (let turn = 0; turn < times({ quick: 1, usual: 5, long: 50 }); turn++) {
      victim.answer = (request, results) => (isPoll(request, 20) ? results.toSpliced(turn % 20, 1) : undefined);
      await scene.isFailing("ProtocolViolation", /the server answers 20 results for 21 nodes/);
      victim.answer = undefined;
      await scene.recovers();
    }
    await scene.ends(victim);
  },
});

/** A request for the values of that many points, and for the server's state. */
function isPoll({ nodesToRead }: ReadRequest, points: number): boolean {
  return nodesToRead?.length === points + 1 && String(nodesToRead[0]?.nodeId).includes(";s=");
}

fault({
  area: "OPC UA server",
  trigger: "one node of 500 is bad",
  holds: "the other 499 are good in every cycle",
  run: async (t) => {
    const points = 500;
    const bad = 250;
    const victim = await Victim.start(t, points);
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points, victimTimeoutMs: 2000 });
    const { witness } = scene.partition;
    await scene.isHealthy();
    victim.answer = (request, results) => {
      if (isPoll(request, points)) (results[bad] as DataValue).statusCode = StatusCodes.BadSensorFailure;
      return results;
    };
    const isAsItShouldBe = (): boolean =>
      witness.statuses("victim")?.every((status, i) => status === (i === bad ? 0x808c0000 : 0)) === true;
    await scene.partition.until("one node is bad", isAsItShouldBe);
    const lastCycle = scene.cycles + times({ quick: 5, usual: 30, long: 300 });
    await scene.partition.until("enough cycles went by", () => {
      assert.ok(isAsItShouldBe(), "the others are good");
      return scene.cycles >= lastCycle;
    });
    victim.answer = undefined;
    await scene.recovers();
    assert.equal(scene.reconnects, 0);
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it answers one request in three with a fault",
  holds:
    "the fault is the status of the points that the request was about, in that cycle alone, and nothing is connected anew",
  run: async (t) => {
    const points = 24;
    const victim = await Victim.start(t, points, { maxNodesPerRead: 10 });
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points });
    const { witness } = scene.partition;
    await scene.isHealthy();
    let requests = 0;
    victim.answer = () => (++requests % 4 === 0 ? StatusCodes.BadResourceUnavailable : undefined);
    // A cycle is three requests: with one fault in four, every place in the cycle has its turn.
    const seen = new Set<string>();
    await scene.partition.until("each of the three requests had its fault", () => {
      const batches = [0, 10, 20].map((first) => witness.statuses("victim")?.[first]);
      seen.add(batches.map((status) => (status === 0 ? "good" : "bad")).join());
      return ["bad,good,good", "good,bad,good", "good,good,bad"].every((one) => seen.has(one));
    });
    assert.ok(!seen.has("bad,bad,bad"), "never all of them");
    requests = 0;
    victim.answer = () => (++requests % 3 === 0 ? StatusCodes.BadInternalError : undefined);
    const lastCycle = scene.cycles + times({ quick: 10, usual: 30, long: 300 });
    await scene.partition.until("enough cycles with one fault each", () => scene.cycles >= lastCycle);
    victim.answer = undefined;
    await scene.recovers();
    assert.equal(scene.reconnects, 0);
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it takes fewer nodes in a request than there are, with an honest and with a lying limit",
  holds: "every value comes, an honest limit is never exceeded, and a lying one is found out once in a session",
  run: async (t) => {
    const points = 50;
    const victim = await Victim.start(t, points, { maxNodesPerRead: 7 });
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points });
    let largest = 0;
    let refused = 0;
    let really = Infinity;
    victim.answer = ({ nodesToRead }) => {
      const nodes = nodesToRead?.length ?? 0;
      largest = Math.max(largest, nodes);
      if (nodes <= really) return undefined;
      refused++;
      return StatusCodes.BadTooManyOperations;
    };
    await scene.isHealthy();
    const honest = scene.cycles + 10;
    await scene.partition.until("ten cycles went by", () => scene.cycles >= honest);
    assert.equal(largest, 7);
    really = 3;
    await scene.partition.until("the server had to say it", () => refused > 0);
    const refusedUntil = scene.cycles + 2;
    await scene.partition.until("the lie is found out", () => scene.cycles >= refusedUntil);
    const found = refused;
    const lying = scene.cycles + 10;
    await scene.partition.until("ten cycles went by", () => scene.cycles >= lying);
    assert.equal(refused, found, "it is not asked for more again");
    await scene.recovers();
    assert.equal(scene.reconnects, 0);
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "one value is a string of 5 MiB",
  holds: "it is bad alone, and costs a few requests in each cycle and not one for each node",
  run: async (t) => {
    const points = 100;
    const lengthBytes = 5 * 1024 * 1024;
    const withText =
      (length: number) =>
      (server: OPCUAServer): void => {
        addBornVariables(server, 0, points);
        addConstant(server, "text", new Variant({ dataType: DataType.String, value: "x".repeat(length) }));
      };
    const victim = await Victim.start(t, points, { build: withText(8) });
    const xml = { furtherNodes: [{ name: "text" }] };
    const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points, xml, victimTimeoutMs: 2000 });
    await scene.isHealthy();
    await victim.comesBack({ build: withText(lengthBytes) });
    await scene.partition.until("the text is bad alone", () => {
      const statuses = scene.partition.witness.statuses("victim") ?? [];
      return statuses.every((status, i) => (i === 0 ? status >= 0x8000_0000 : status === 0));
    });
    const from = { cycles: scene.cycles, reads: victim.reads };
    await scene.partition.until("ten cycles went by", () => scene.cycles >= from.cycles + 10);
    const readsOfACycle = (victim.reads - from.reads) / (scene.cycles - from.cycles);
    assert.ok(readsOfACycle < 12, `${readsOfACycle} requests in a cycle`);
    await victim.comesBack({ build: withText(8) });
    await scene.recovers();
    await scene.ends(victim);
  },
});

const hourMs = 3_600_000;

fault({
  area: "OPC UA server",
  trigger: "its clock is an hour fast, or an hour slow",
  holds:
    "its values are good with the timestamps that it gives, its channel works, and its certificate of the future is excused",
  run: async (t) => {
    const certificates = await Certificates.of(t);
    const { args } = certificates;
    for (const skewMs of [hourMs, -hourMs]) {
      // Made by the server itself, when it was put into operation: just now.
      const certificate = await certificates.ofServer({ notBeforeMs: Date.now() + skewMs - 60_000 });
      const victim = await Victim.start(t, 2, { certificate });
      victim.alter = (response) => {
        response.responseHeader.timestamp = skewed(response.responseHeader.timestamp, skewMs);
        if (response instanceof OpenSecureChannelResponse)
          response.securityToken.createdAt = skewed(response.securityToken.createdAt, skewMs);
        if (!(response instanceof ReadResponse)) return;
        for (const result of response.results ?? []) result.sourceTimestamp = skewed(result.sourceTimestamp, skewMs);
      };
      const xml = { policy, security: "<ignore_expiry>true</ignore_expiry>" };
      const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), xml, args });
      const { partition } = scene;
      await scene.isHealthy();
      const lastCycle = scene.cycles + times({ quick: 5, usual: 20, long: 300 });
      await partition.until("enough cycles went by", () => scene.cycles >= lastCycle);
      const { stdout } = await partition.sandbox.cpc([
        "dump",
        "opcua",
        "--image",
        "--json",
        "--prefix",
        partition.sandbox.prefix,
      ]).ended;
      const [sourceNs, receivedNs] = [/"sourceNs":(\d+)/, /"receivedNs":(\d+)/].map((of) =>
        Number(of.exec(stdout)?.[1]),
      );
      const aheadMs = ((sourceNs ?? Number.NaN) - (receivedNs ?? Number.NaN)) / 1e6;
      assert.ok(Math.abs(aheadMs - skewMs) < 10_000, `the timestamps are ${aheadMs} ms ahead`);
      const warnings = partition.child.logged(/certificate check NotYetValid overlooked/).length;
      assert.equal(warnings, skewMs > 0 ? 1 : 0);
      assert.equal(scene.reconnects, 0);
      await scene.ends(victim);
      await victim.goes();
    }
  },
});

function skewed(date: Date | null, byMs: number): Date | null {
  return date === null ? null : new Date(date.getTime() + byMs);
}
