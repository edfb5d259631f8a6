// `cpc check --against` before real servers that differ from the configuration in every way that it looks for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, NodeId, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type { Compared } from "../../../packages/partition/src/commands/compare-in-threads.ts";
import { comparisonLines } from "../../../packages/partition/src/commands/comparison-text.ts";
import { modbusServersXml, opcUaServersXml } from "../../plant/configuration-xml.ts";
import { data, exception, response, startDevice, type Behaviour } from "../../plant/modbus-device.ts";
import { OpcUaRig } from "../../plant/opcua-rig.ts";
import { portOf } from "../../plant/opcua-server.ts";
import { recordOpcUa } from "../../plant/recording-proxy.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };
/** No busy machine makes a poll longer than that. */
const patient = "<interval>60</interval>";

interface Report {
  readonly servers: readonly Compared[];
}

function build(server: OPCUAServer): void {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  const namespace = addressSpace.getOwnNamespace();
  for (const [name, dataType] of [
    ["level", "Double"],
    ["count", "Int32"],
  ] as const)
    namespace.addVariable({
      organizedBy: addressSpace.rootFolder.objects,
      nodeId: new NodeId(NodeId.NodeIdType.STRING, name, 1),
      browseName: name,
      dataType,
      value: new Variant({ dataType: DataType[dataType], value: 7 }),
    });
  namespace.addAnalogDataItem({
    componentOf: addressSpace.rootFolder.objects.server,
    nodeId: new NodeId(NodeId.NodeIdType.STRING, "ranged", 1),
    browseName: "ranged",
    dataType: "Double",
    engineeringUnitsRange: { low: 0, high: 100 },
    value: new Variant({ dataType: DataType.Double, value: 7 }),
  });
}

const rig = new OpcUaRig({ build, policies: ["Basic256Sha256"] });

/** Registers 0 and 1 hold the Float 20.6, 10 a 7, 20 and 21 the Float 1 with its words swapped; there are no others, and unit id 9 needs longer than its interval. */
const device: Behaviour = (request) => {
  const { address, quantity, unitId } = request;
  const values: Readonly<Record<number, number>> = { 0: 0x41a4, 1: 0xcccd, 10: 7, 20: 0, 21: 0x3f80 };
  const isThere = [...Array(quantity).keys()].every((at) => values[address + at] !== undefined);
  if (!isThere) return exception(request, 2);
  const answer = response(
    request,
    data(request, (_unit, _code, register) => values[register] ?? 0),
  );
  if (unitId !== 9) return answer;
  setTimeout(() => request.socket.write(answer), 60);
  return undefined;
};

test("servers that are as configured are said to be, and are only browsed and read", watchdog, async (t) => {
  const plant = await startDevice(device);
  const proxy = await recordOpcUa(portOf(rig.url));
  t.after(() => Promise.all([plant.close(), proxy.close()]));
  const sandbox = new Sandbox(t);
  const endpoints = [{ name: "temperature", address: 0, dataType: "Float" }];
  const modbus = sandbox.write(
    "modbus.xml",
    modbusServersXml({ alias: "Boiler", port: plant.port, settings: patient, endpoints }),
  );
  // A Variant leaves the type to the server, as what was imported does.
  const nodes = [
    { name: "level", dataType: "Variant" },
    { name: "count", dataType: "Int32" },
  ];
  const url = `opc.tcp://127.0.0.1:${proxy.port}`;
  const settings = `${patient}<acquisition>subscribe</acquisition>`;
  const opcua = sandbox.write("opcua.xml", opcUaServersXml({ alias: "Tank", url, settings, nodes }));
  const { code, stdout, stderr } = await sandbox.cpc(["check", modbus, opcua, "--against"]).ended;
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^opcua Tank: as configured; 2 of 2 points with a value, a poll takes \d+ ms of 60000 ms$/m);
  assert.match(stdout, /^modbus Boiler: as configured; 1 of 1 point with a value/m);
  assert.match(stdout, /^2 servers: 2 as configured, 0 with differences$/m);
  assert.match(stdout, /modbus\.xml, .*opcua\.xml compared with the real servers at \d{4}-.*Z by cpc \d/);

  const services = [...new Set(proxy.requests.map(({ service }) => service))];
  assert.ok(services.includes("Read"));
  const others = services.filter((service) => /Write|Subscription|Monitored|Publish|Call/.test(service));
  assert.deepEqual(others, [], "a subscription would stay at the server");
  assert.equal(rig.server.engine.currentSessionCount, 0);
});

test("what differs is listed point by point, for a person and as JSON", watchdog, async (t) => {
  const plant = await startDevice(device);
  t.after(() => plant.close());
  const sandbox = new Sandbox(t);
  const modbus = sandbox.write(
    "modbus.xml",
    modbusServersXml(
      {
        alias: "Boiler",
        port: plant.port,
        settings: patient,
        endpoints: [
          { name: "temperature", address: 0, dataType: "Float" },
          { name: "absent", address: 300 },
          { name: "state", address: 10 },
          { name: "wrong order", address: 20, dataType: "Float" },
          { name: "right order", address: 20, dataType: "Float", wordOrder: "CDAB" },
          { name: "whole number", address: 20, dataType: "Int32" },
        ],
      },
      {
        alias: "Slow",
        port: plant.port,
        settings: "<interval>0.02</interval>",
        endpoints: [{ name: "state", address: 10, unit: 9 }],
      },
    ),
  );
  const nodes = [{ name: "level", dataType: "Float" }, { name: "gone" }, { name: "count", dataType: "Int32" }];
  const unknown = { alias: "Unknown", url: rig.url, policy: "Basic256Sha256", nodes };
  const known = { alias: "Tank", url: rig.url, settings: patient, nodes };
  const opcua = sandbox.write("opcua.xml", opcUaServersXml(known, unknown));

  const { code, stdout } = await sandbox.ran("check", modbus, opcua, "--against", "--json");
  assert.equal(code, 1, stdout);
  const { servers } = JSON.parse(stdout) as Report;
  const differences = servers.map(({ server, points, pointsWithValue, differences: found }) => [
    `${server} ${pointsWithValue}/${points}`,
    ...found.map(({ kind, points: of }) => [kind, ...of.map(({ key, found: text = "" }) => `${key} ${text}`.trim())]),
  ]);
  assert.deepEqual(differences, [
    ["Tank 2/3", ["no value", "1:gone"], ["other type", "1:level Double instead of Float"]],
    ["Unknown 0/3", ["refused security"]],
    ["Boiler 5/6", ["no value", "Boiler: absent"], ["odd value", "Boiler: wrong order 2.278e-41"]],
    ["Slow 1/1", ["slow"]],
  ]);
  const [tank, stranger, boiler] = servers;
  assert.match(tank?.remarks.join() ?? "", /ns=1;s=gone "gone": BadNodeIdUnknown, the server has no such node; check/);
  assert.match(
    stranger?.differences[0]?.message ?? "",
    / cert trust --certificates \S+ [0-9a-f]{64}\. It was kept as /,
  );
  assert.match(boiler?.remarks.join() ?? "", /the device refuses holding register 300 of unit 1: exception 2/);

  const text = [...comparisonLines({ files: [], at: "", version: "" }, servers)].join("\n");
  assert.match(text, /^ {2}no value: 1 point without a value: BadOutOfRange\n {4}Boiler: absent \(unit 1, /m);
  assert.match(text, /^ {2}odd value: 1 point with a value that is hardly meant; try another <wordOrder>/m);
  assert.match(text, /^ {2}slow: reading 1 point takes \d+ ms, which is longer than their interval of 20 ms; /m);
  assert.match(text, /^4 servers: 0 as configured, 4 with differences$/m);
});

test("servers that are dead cost the others nothing, and the time for each is bounded", watchdog, async (t) => {
  const plant = await startDevice(device);
  const silent = await startDevice(() => undefined);
  const closed = await startDevice();
  await closed.close();
  t.after(() => Promise.all([plant.close(), silent.close()]));
  const sandbox = new Sandbox(t);
  const endpoints = [{ name: "state", address: 10 }];
  const settings = "<timeout>100</timeout>";
  const file = sandbox.write(
    "modbus.xml",
    modbusServersXml(
      { alias: "Closed", port: closed.port, endpoints },
      { alias: "Silent", port: silent.port, settings, endpoints },
      { alias: "Alive", port: plant.port, settings: patient, endpoints },
    ),
  );
  const { code, stdout } = await sandbox.ran("check", file, "--against", "--within", "5");
  assert.equal(code, 1);
  assert.match(stdout, /^modbus Closed: 1 difference; 0 of 1 point with a value\n {2}not connected: .*ECONNREFUSED/m);
  assert.match(stdout, /^modbus Silent: 1 difference; 0 of 1 point with a value$/m);
  assert.match(stdout, /^ {2}unfinished: the time was over before every point was read; allow more with --within$/m);
  assert.match(stdout, /^modbus Alive: as configured/m);
});

test("whoever stops it gets the report of what is known by then", watchdog, async (t) => {
  const silent = await startDevice(() => undefined);
  t.after(() => silent.close());
  const sandbox = new Sandbox(t);
  const server = { alias: "Silent", port: silent.port, endpoints: [{ name: "state", address: 10 }] };
  const file = sandbox.write("modbus.xml", modbusServersXml({ ...server, settings: "<timeout>100</timeout>" }));
  const comparing = sandbox.cpc(["check", file, "--against"]);
  await comparing.until("the device is asked", () => silent.requests.length > 0);
  const { code, stdout } = await comparing.end("SIGTERM");
  assert.equal(code, 1);
  assert.match(stdout, /^ {2}unfinished: /m);
});

test("a file that is wrong is refused before anybody connects", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const file = sandbox.write("modbus.xml", "<modbus-servers><server/></modbus-servers>");
  const { code, stdout } = await sandbox.ran("check", file, "--against");
  assert.deepEqual([code, stdout], [2, ""]);
});

test("a percentage of a range that the server does not state is a difference", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const percent = "<acquisition>subscribe</acquisition><deadbandPercent>1</deadbandPercent>";
  const nodes = [
    { name: "level", settings: percent },
    { name: "ranged", settings: percent },
  ];
  const file = sandbox.write("opcua.xml", opcUaServersXml({ alias: "Tank", url: rig.url, settings: patient, nodes }));
  const { code, stdout } = await sandbox.ran("check", file, "--against", "--json");
  assert.equal(code, 1);
  const [server] = (JSON.parse(stdout) as Report).servers;
  assert.deepEqual(
    server?.differences.map(({ kind, points }) => [kind, points.map(({ key }) => key)]),
    [["not supported", ["1:level"]]],
  );
});
