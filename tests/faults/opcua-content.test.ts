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
import { neighbourOfFile, SickOpcUa, Victim } from "./sick-opcua.ts";
import { Certificates, policy } from "./trusted-opcua.ts";

const neighbour = neighbourOfFile();
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
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points: 4, xml });
    const { witness } = sick.patient;
    await sick.isHealthy();
    await victim.comesBack({ build: withNamespaces(uris[1], uris[0]) });
    await sick.recovers();
    await victim.comesBack({ build: withNamespaces(uris[1]) });
    await sick.patient.until("the values of the namespace that is left are good", () => {
      const [a = 0, b = 0, c, d] = witness.statuses("victim") ?? [];
      return a === StatusCodes.BadNodeIdUnknown.value && b === a && c === 0 && d === 0;
    });
    await victim.comesBack({ build: withNamespaces(...uris) });
    await sick.recovers();
    await sick.ends(victim);
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
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points: 3 });
    const { patient } = sick;
    await sick.isHealthy();
    await victim.comesBack({ build: allButTheSecond });
    const gone = StatusCodes.BadNodeIdUnknown.value;
    await patient.until("the node that is gone is bad alone", () => {
      return String(patient.witness.statuses("victim")) === String([0, gone, 0]);
    });
    await victim.comesBack({
      build: (server) => {
        allButTheSecond(server);
        addConstant(server, pointName(1), new Variant({ dataType: DataType.String, value: "twelve" }));
      },
    });
    await sick.recovers();
    await patient.until("the image has the other type and the document leaves the entry out", () => {
      const document = patient.place.document("opcua_shm") ?? {};
      return patient.witness.isGood("victim") && "1:p0" in document && !("1:p1" in document);
    });
    await victim.comesBack();
    await sick.recovers();
    await patient.until("the document shows the first type", () => {
      return patient.place.document("opcua_shm")?.["1:p1"]?.["varType"] === "Double";
    });
    await sick.ends(victim);
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
  extent: "quick",
  run: async (t) => {
    const victim = await Victim.start(t, 2);
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour() });
    await sick.isHealthy();
    for (const state of states.slice(0, times({ quick: 1, usual: states.length, long: states.length }))) {
      victim.server.engine.setServerState(state);
      const name = ServerState[state];
      await sick.isSick("ServiceFault", new RegExp(`the server says that it is ${name}: its values are not taken`));
      victim.server.engine.setServerState(ServerState.Running);
      await sick.recovers();
    }
    await sick.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it answers too few results",
  holds: "no value moves to another point, status says how many results came, and the next right answer is taken",
  run: async (t) => {
    const victim = await Victim.start(t, 20);
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points: 20 });
    await sick.isHealthy();
    for (let turn = 0; turn < times({ quick: 1, usual: 5, long: 50 }); turn++) {
      victim.answer = (request, results) => (isPoll(request, 20) ? results.toSpliced(turn % 20, 1) : undefined);
      await sick.isSick("ProtocolViolation", /the server answers 20 results for 21 nodes/);
      victim.answer = undefined;
      await sick.recovers();
    }
    await sick.ends(victim);
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
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points, victimTimeoutMs: 2000 });
    const { witness } = sick.patient;
    await sick.isHealthy();
    victim.answer = (request, results) => {
      if (isPoll(request, points)) (results[bad] as DataValue).statusCode = StatusCodes.BadSensorFailure;
      return results;
    };
    const isAsItShouldBe = (): boolean =>
      witness.statuses("victim")?.every((status, i) => status === (i === bad ? 0x808c0000 : 0)) === true;
    await sick.patient.until("one node is bad", isAsItShouldBe);
    const lastCycle = sick.cycles + times({ quick: 5, usual: 30, long: 300 });
    await sick.patient.until("enough cycles went by", () => {
      assert.ok(isAsItShouldBe(), "the others are good");
      return sick.cycles >= lastCycle;
    });
    victim.answer = undefined;
    await sick.recovers();
    assert.equal(sick.reconnects, 0);
    await sick.ends(victim);
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
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points });
    const { witness } = sick.patient;
    await sick.isHealthy();
    let requests = 0;
    victim.answer = () => (++requests % 4 === 0 ? StatusCodes.BadResourceUnavailable : undefined);
    // A cycle is three requests: with one fault in four, every place in the cycle has its turn.
    const seen = new Set<string>();
    await sick.patient.until("each of the three requests had its fault", () => {
      const batches = [0, 10, 20].map((first) => witness.statuses("victim")?.[first]);
      seen.add(batches.map((status) => (status === 0 ? "good" : "bad")).join());
      return ["bad,good,good", "good,bad,good", "good,good,bad"].every((one) => seen.has(one));
    });
    assert.ok(!seen.has("bad,bad,bad"), "never all of them");
    requests = 0;
    victim.answer = () => (++requests % 3 === 0 ? StatusCodes.BadInternalError : undefined);
    const lastCycle = sick.cycles + times({ quick: 10, usual: 30, long: 300 });
    await sick.patient.until("enough cycles with one fault each", () => sick.cycles >= lastCycle);
    victim.answer = undefined;
    await sick.recovers();
    assert.equal(sick.reconnects, 0);
    await sick.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "it takes fewer nodes in a request than there are, with an honest and with a lying limit",
  holds: "every value comes, an honest limit is never exceeded, and a lying one is found out once in a session",
  run: async (t) => {
    const points = 50;
    const victim = await Victim.start(t, points, { maxNodesPerRead: 7 });
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points });
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
    await sick.isHealthy();
    const honest = sick.cycles + 10;
    await sick.patient.until("ten cycles went by", () => sick.cycles >= honest);
    assert.equal(largest, 7);
    really = 3;
    await sick.patient.until("the server had to say it", () => refused > 0);
    const refusedUntil = sick.cycles + 2;
    await sick.patient.until("the lie is found out", () => sick.cycles >= refusedUntil);
    const found = refused;
    const lying = sick.cycles + 10;
    await sick.patient.until("ten cycles went by", () => sick.cycles >= lying);
    assert.equal(refused, found, "it is not asked for more again");
    await sick.recovers();
    assert.equal(sick.reconnects, 0);
    await sick.ends(victim);
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
    const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), points, xml, victimTimeoutMs: 2000 });
    await sick.isHealthy();
    await victim.comesBack({ build: withText(lengthBytes) });
    await sick.patient.until("the text is bad alone", () => {
      const statuses = sick.patient.witness.statuses("victim") ?? [];
      return statuses.every((status, i) => (i === 0 ? status >= 0x8000_0000 : status === 0));
    });
    const from = { cycles: sick.cycles, reads: victim.reads };
    await sick.patient.until("ten cycles went by", () => sick.cycles >= from.cycles + 10);
    const readsOfACycle = (victim.reads - from.reads) / (sick.cycles - from.cycles);
    assert.ok(readsOfACycle < 12, `${readsOfACycle} requests in a cycle`);
    await victim.comesBack({ build: withText(8) });
    await sick.recovers();
    await sick.ends(victim);
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
      const sick = new SickOpcUa(t, { victim, neighbour: neighbour(), xml, args });
      const { patient } = sick;
      await sick.isHealthy();
      const lastCycle = sick.cycles + times({ quick: 5, usual: 20, long: 300 });
      await patient.until("enough cycles went by", () => sick.cycles >= lastCycle);
      const { stdout } = await patient.place.command("dump", "opcua", "--image", "--json");
      const [sourceNs, receivedNs] = [/"sourceNs":(\d+)/, /"receivedNs":(\d+)/].map((of) =>
        Number(of.exec(stdout)?.[1]),
      );
      const aheadMs = ((sourceNs ?? Number.NaN) - (receivedNs ?? Number.NaN)) / 1e6;
      assert.ok(Math.abs(aheadMs - skewMs) < 10_000, `the timestamps are ${aheadMs} ms ahead`);
      const warnings = patient.child.logged(/certificate check NotYetValid overlooked/).length;
      assert.equal(warnings, skewMs > 0 ? 1 : 0);
      assert.equal(sick.reconnects, 0);
      await sick.ends(victim);
      await victim.goes();
    }
  },
});

function skewed(date: Date | null, byMs: number): Date | null {
  return date === null ? null : new Date(date.getTime() + byMs);
}
