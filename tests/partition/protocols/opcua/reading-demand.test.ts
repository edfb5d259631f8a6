import assert from "node:assert/strict";
import { test } from "node:test";
import { opcUaFormat } from "../../../../packages/partition/src/protocols/opcua/opcua-format.ts";
import { demandOf } from "../../../../packages/partition/src/protocols/opcua/reading-demand.ts";
import type { OpcUaNode } from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { configuredServer, nodeNamed } from "../../../plant/opcua-points.ts";
import { subscribedNode, subscribedServer } from "../../../plant/subscribed.ts";

const url = "opc.tcp://plc:4840";

function nodes(count: number, change: Partial<OpcUaNode> = {}): readonly OpcUaNode[] {
  return Array.from({ length: count }, (_, index) => nodeNamed(`n${index}`, change));
}

test("what is read counts by its intervals, and a request asks for a thousand nodes", () => {
  const server = configuredServer(url, {
    nodes: [...nodes(2500, { intervalMs: 100 }), ...nodes(100)],
    intervalMs: 1000,
  });
  const { line, pollsPerSecond, requestsPerSecond, valuesPerSecond } = demandOf(server);
  assert.deepEqual([line, pollsPerSecond, requestsPerSecond, valuesPerSecond], [`Server ${url}`, 11, 31, 25_100]);
  assert.ok(demandOf({ ...server, mode: "Sign" }).load > demandOf(server).load);
});

test("members come with their structure: they are values, and no request asks for them", () => {
  const member = { owner: 0, path: "Speed", steps: ["Speed"] };
  const server = configuredServer(url, {
    nodes: [nodeNamed("motor"), nodeNamed("motor", { member })],
    maxNodesPerRead: 1,
    intervalMs: 1000,
  });
  const { requestsPerSecond, valuesPerSecond } = demandOf(server);
  assert.deepEqual([requestsPerSecond, valuesPerSecond], [1, 2]);
});

test("a subscribed value counts as if it changed whenever the server looks", () => {
  const items = [
    subscribedNode("a", { samplingIntervalMs: 10 }),
    subscribedNode("b", { samplingIntervalMs: 0 }),
    subscribedNode("c"),
  ];
  const { pollsPerSecond, requestsPerSecond, valuesPerSecond } = demandOf(subscribedServer(url, { nodes: items }));
  assert.deepEqual([pollsPerSecond, requestsPerSecond, valuesPerSecond], [20, 20, 100 + 20 + 20]);
});

test("the plan says what the service asks for in a second, and how many threads will read it", () => {
  const servers = ["one", "other"].map((alias) => configuredServer(url, { alias, nodes: nodes(1000) }));
  const { tables } = opcUaFormat.plan({ file: "test.xml", servers } as never, 100);
  assert.deepEqual(tables[1]?.rows, [["20", "20000", "0.7 %", 1]]);
});
