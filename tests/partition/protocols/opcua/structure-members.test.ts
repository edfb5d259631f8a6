// Members of structures as points of their own, at a real server, read and subscribed to.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AttributeIds,
  DataChangeNotification,
  DataType,
  NodeId,
  PublishResponse,
  ReadRequest,
  ReadResponse,
  StatusCodes,
  Variant,
} from "node-opcua-client";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import type { OpcUaNode } from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { OpcUaSource } from "../../../../packages/partition/src/protocols/opcua/opcua-source.ts";
import { addConstant, configuredServer, never, nodeNamed, RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";
import {
  addMotorTypes,
  addStructureType,
  type Field,
  type MotorTypes,
  arrayOf,
  motorBody,
  phaseBody,
  setDataType,
  setFields,
  structureOfType,
  uint32,
} from "../../../plant/opcua-structures.ts";
import { addSettable, plainItem, SubscribedSource, subscribedServer } from "../../../plant/subscribed.ts";
import { opaque } from "./own-structure.ts";

let types: MotorTypes;
let changing: MotorTypes["phase"];
let setSpeed: (speed: number) => void;

/** Puts motors in place of the speeds that the server sends: it takes no structures of types that it loads only later. */
function sendMotors(response: unknown): void {
  if (!(response instanceof PublishResponse)) return;
  for (const data of response.notificationMessage.notificationData ?? []) {
    if (!(data instanceof DataChangeNotification)) continue;
    for (const { value } of data.monitoredItems ?? []) {
      const speed: unknown = value.value.value;
      if (value.value.dataType === DataType.Double && typeof speed === "number")
        value.value = structureOfType(types.motor, speed === 1 ? motorBody(1) : motorBody(speed, 5));
    }
  }
}

const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    types = addMotorTypes(server);
    changing = addStructureType(server, "ChangingType", [
      { name: "Current", dataType: DataType.Float },
      { name: "Name", dataType: DataType.String },
    ]);
    const { motor, phase } = types;
    setSpeed = addSettable(server, "live motor", 1);
    addConstant(server, "too short", structureOfType(motor, motorBody(50).slice(0, -3)));
    addConstant(server, "too long", structureOfType(motor, [...motorBody(50), 0]));
    addConstant(server, "motor", structureOfType(motor, motorBody(50)));
    addConstant(server, "spared", structureOfType(motor, motorBody(60, 7)));
    const phases = [phaseBody(3, "A"), phaseBody(4, "B")];
    addConstant(server, "phases", arrayOf(phases.map((body) => structureOfType(phase, body))));
    addConstant(server, "unknown", opaque(new NodeId(NodeId.NodeIdType.NUMERIC, 99_999, 1), [1, 2, 3]));
    addConstant(server, "number", new Variant({ dataType: DataType.Double, value: 4 }));
  },
});

function stepsOf(path: string): (string | number)[] {
  return Array.from(path.matchAll(/\[(\d+)\]|[^.[\]]+/g), ([step, at]) => (at === undefined ? step : Number(at)));
}

/** A node and members of its structure, as the configuration has them. */
function withMembers(name: string, paths: readonly string[], owner = 0, change: Partial<OpcUaNode> = {}): OpcUaNode[] {
  const members = paths.map((path) => {
    const member = { owner, path, steps: stepsOf(path) };
    return nodeNamed(name, { ...change, displayName: `Display ${name}.${path}`, member });
  });
  return [nodeNamed(name, change), ...members];
}

const paths = [
  "Drive.Speed",
  "Drive.Hours",
  "Drive.Mode",
  "Phases[1].Current",
  "Phases[0].Name",
  "Curve",
  "Curve[2]",
  "Title",
  "Drive",
];

test("each member is a point with its own type", async () => {
  const sink = await polled(await rig.connected({ nodes: withMembers("motor", paths) }));
  const { Double, Int64, Int32, Float, String: Text, LocalizedText, ExtensionObject } = BuiltInType;
  const expected = [
    { type: Double, value: 50 },
    { type: Int64, value: 0x7fff_ffff_ffff_ffffn },
    { type: Int32, value: 2 },
    { type: Float, value: 2.5 },
    { type: Text, value: "L1" },
    { type: Double, value: [1, 2, 3] },
    { type: Double, value: 3 },
    { type: LocalizedText, value: '{"Text":"Pumpe"}' },
  ];
  for (const [index, value] of expected.entries()) assert.deepEqual(sink.seen(index + 1), value, paths[index]);
  const drive = sink.values.get(9);
  assert.equal(drive?.type, ExtensionObject);
  assert.match(String(drive?.value), /"Speed":50.0,"Hours":9223372036854775807,"Mode":2\}$/);
  assert.match(String(sink.value(0)), /"Phases":\[/, "the structure itself stays a point");
});

function pair(first: string, second: string): readonly Field[] {
  return [first, second].map((name) => ({ name, dataType: DataType.Float }));
}

function float(value: number): readonly number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

test("of a union only the member that is there has a value, and a member that it does not have is none", async () => {
  const type = addStructureType(rig.server, "EitherType", pair("Level", "Flow"), "Union");
  for (const chosen of [1, 2, 7])
    addConstant(rig.server, `either ${chosen}`, structureOfType(type, [...uint32(chosen), ...float(12)]));
  const nodes = [1, 2, 7].flatMap((chosen, at) => withMembers(`either ${chosen}`, ["Level", "Flow"], 3 * at));
  const sink = await polled(await rig.connected({ nodes }));
  const { BadNoData, BadDecodingError } = StatusCode;
  assert.deepEqual([sink.value(1), sink.status(2)], [12, BadNoData]);
  assert.deepEqual([sink.status(4), sink.value(5)], [BadNoData, 12]);
  assert.deepEqual([sink.status(7), sink.status(8)], [BadDecodingError, BadDecodingError]);
});

test("where the server does not tell the type, members say so, and its neighbours are good", async () => {
  let asked: ReadRequest | undefined;
  const see = (request: unknown): void => void (asked = request instanceof ReadRequest ? request : asked);
  const refuse = (response: unknown): void => {
    for (const [index, { attributeId }] of (asked?.nodesToRead ?? []).entries()) {
      const result = response instanceof ReadResponse ? response.results?.[index] : undefined;
      if (attributeId !== definitionAttribute || result === undefined) continue;
      result.statusCode = StatusCodes.BadAttributeIdInvalid;
      result.value = new Variant();
    }
  };
  const nodes = [...withMembers("motor", ["Drive.Speed"]), nodeNamed("number")];
  const poll = async (): Promise<RecordingSink> => polled(await rig.connected({ nodes }));
  const sink = await rig.during("request", see, () => rig.during("response", refuse, poll));
  assert.equal(sink.status(1), StatusCode.BadDataTypeIdUnknown);
  assert.equal(sink.value(2), 4);
});

const definitionAttribute: number = AttributeIds.DataTypeDefinition;
const huge = uint32(0x7fff_ffff);
const strange: Readonly<Record<string, () => Variant>> = {
  "an array that says that it has two thousand million elements": () =>
    structureOfType(types.motor, [...motorBody(50).slice(0, 24), ...huge, ...motorBody(50).slice(28)]),
  "optional members that the type does not have": () =>
    structureOfType(types.motor, [...uint32(0xffff_fffe), ...motorBody(50).slice(4)]),
  "the encoding of another type": () => structureOfType(types.phase, motorBody(50)),
  "no bytes at all": () => structureOfType(types.motor, []),
};

test("a body that is none costs its own points alone, with a status that says so", async () => {
  for (const [index, body] of Object.values(strange).entries()) addConstant(rig.server, `strange ${index}`, body());
  const nodes = Object.keys(strange).flatMap((_, index) => withMembers(`strange ${index}`, ["Drive.Speed"], 2 * index));
  const sink = await polled(
    await rig.connected({ nodes: [...nodes, ...withMembers("motor", ["Drive.Speed"], nodes.length)] }),
  );
  for (const [index, what] of Object.keys(strange).entries())
    assert.equal(sink.status(2 * index + 1), StatusCode.BadDecodingError, what);
  assert.equal(sink.value(nodes.length + 1), 50, "its neighbour");
});

test("an element of an array of structures, and an optional member that is there or not", async () => {
  const nodes = [
    ...withMembers("phases", ["[1].Name", "[2].Name"]),
    ...withMembers("motor", ["Spare"], 3),
    ...withMembers("spared", ["Spare"], 5),
  ];
  const sink = await polled(await rig.connected({ nodes }));
  assert.equal(sink.value(1), "B");
  assert.equal(sink.status(2), StatusCode.BadIndexRangeNoData);
  assert.equal(sink.status(4), StatusCode.BadNoData);
  assert.equal(sink.value(6), 7);
});

test("what is wrong with one member costs that member only, and the log says what to change", async () => {
  const nodes = [
    ...withMembers("motor", ["Drive.Sped", "Drive.Speed", "Drive.Speed.X", "Title[0]"]),
    ...withMembers("unknown", ["A"], 5),
    ...withMembers("number", ["A"], 7),
    ...withMembers("missing", ["A"], 9),
  ];
  const client = await rig.connected({ nodes });
  const sink = new RecordingSink();
  for (let poll = 0; poll < 3; poll++) await client.poll(sink, never);
  assert.equal(sink.status(1), StatusCode.BadNoMatch);
  assert.equal(sink.value(2), 50);
  assert.equal(sink.status(3), StatusCode.BadTypeMismatch);
  assert.equal(sink.status(4), StatusCode.BadTypeMismatch);
  assert.match(String(sink.value(5)), /"UaBody":"AQID"/);
  assert.equal(sink.status(6), StatusCode.BadDataTypeIdUnknown);
  assert.equal(sink.value(7), 4);
  assert.equal(sink.status(8), StatusCode.BadTypeMismatch);
  assert.equal(sink.status(9), StatusCode.BadNodeIdUnknown);
  assert.equal(sink.status(10), StatusCode.BadNodeIdUnknown);
  assert.match(rig.logged.join("\n"), /ns=1;s=motor member Drive\.Sped .*BadNoMatch, .*check <path>/);
});

test("a structure that does not fit its type gives its members a bad status, and never a part of itself", async () => {
  const nodes = [...withMembers("too short", ["Drive.Speed"]), ...withMembers("too long", ["Drive.Speed", "Title"], 2)];
  const sink = await polled(await rig.connected({ nodes }));
  for (const index of [1, 3, 4]) assert.equal(sink.status(index), StatusCode.BadDecodingError);
  for (const index of [0, 2]) assert.match(String(sink.value(index)), /"UaEncoding":1,"UaBody":"/, "as it came");
});

test("members have a good value again when the server tells another type for them", { timeout: 200_000 }, async () => {
  const change = { nodes: withMembers("renamed", ["Amperes"]), retryIntervalMs: 1 };
  addConstant(rig.server, "renamed", structureOfType(changing, [...phaseBody(3, "A"), ...uint32(9)]));
  const client = await rig.connected(change);
  assert.equal((await polled(client)).status(1), StatusCode.BadDecodingError);
  setFields(changing, [
    { name: "Amperes", dataType: DataType.Float },
    { name: "Name", dataType: DataType.String },
    { name: "Count", dataType: DataType.UInt32 },
  ]);
  let seen: unknown;
  for (let poll = 0; seen !== 3; poll++) seen = (await polled(client)).value(1);
});

test("a type that changes and keeps its length is noticed while connected", { timeout: 200_000 }, async () => {
  const type = addStructureType(rig.server, "ExchangedType", pair("Current", "Voltage"));
  addConstant(rig.server, "exchanged", structureOfType(type, [...float(3), ...float(400)]));
  setDataType(rig.server, "exchanged", type.nodeId);
  const client = await rig.connected({ nodes: withMembers("exchanged", ["Voltage"]), retryIntervalMs: 1 });
  while ((await polled(client)).value(1) !== 400);
  setFields(type, pair("Voltage", "Current"));
  const seen = new Set<unknown>();
  while (!seen.has(3)) seen.add((await polled(client)).value(1));
});

test("a subscription brings the members with their structure", { timeout: 200_000 }, async (t) => {
  const nodes = withMembers("live motor", ["Drive.Speed", "Spare", "Phases[9].Current"], 0, { item: plainItem });
  const of = new SubscribedSource(subscribedServer(rig.url, { nodes }), rig.folder);
  t.after(() => of.stop());
  rig.server.on("response", sendMotors);
  t.after(() => rig.server.off("response", sendMotors));
  await of.start();
  await of.until("the first value came", () => of.values(1).length > 0);
  assert.equal(of.status(2), StatusCode.BadNoData);
  assert.equal(of.status(3), StatusCode.BadIndexRangeNoData);
  setSpeed(2);
  await of.until("the change came", () => of.values(1).length > 1);
  assert.deepEqual(of.values(1), [1, 2]);
  assert.deepEqual(of.values(2), [5]);
  const messages = of.publications.length;
  await of.until("a message confirms all of them", () =>
    of.publications.slice(messages).some(({ confirmed }) => [0, 1, 2, 3].every((place) => confirmed.has(place))),
  );
  assert.deepEqual(of.failures, []);
});

test("members have the types, and the texts of enumerations, that the server tells", async (t) => {
  setDataType(rig.server, "motor", types.motor.nodeId);
  const nodes = withMembers("motor", ["Drive.Mode", "Drive.Speed", "Phases[1].Name", "Curve", "Drive", "Nothing"]);
  const source = new OpcUaSource(configuredServer(rig.url, { nodes }), { directory: rig.directory });
  const session = await source.connect(never);
  t.after(() => session.close());
  const { Int32, Double, String: Text, ExtensionObject, Null } = BuiltInType;
  const points = source.points.slice(1);
  assert.deepEqual(
    points.map(({ type }) => type),
    [Int32, Double, Text, Double, ExtensionObject, Null],
  );
  assert.deepEqual(
    points.map(({ capacityBytes }) => capacityBytes),
    [0, 0, 256, 1024, 256, 0],
  );
  assert.deepEqual(
    points.map(({ enumeration }) => enumeration),
    ["0=Off\n1=Manual\n2=Automatic", undefined, undefined, undefined, undefined, undefined],
  );
  assert.equal(points[0]?.key, "1:motor.Drive.Mode");
});
