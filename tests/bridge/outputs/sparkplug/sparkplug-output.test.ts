import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { get } from "sparkplug-payload";
import type { ServerBirth } from "../../../../packages/bridge/src/observation/observed-change.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import { until } from "../../../until.ts";
import { changeOf, openedOutput } from "../opened-output.ts";
import { TestBroker, type Message } from "../test-broker.ts";

const others = get("spBv1.0");
assert.ok(others);

function decoded({ topic, payload }: Message) {
  const { seq, metrics } = others?.decodePayload(payload) ?? {};
  const byName = Object.fromEntries(
    (metrics ?? []).map((metric) => [metric.name ?? `alias ${String(metric.alias)}`, metric]),
  );
  return {
    type: topic.split("/")[2] ?? "",
    topic,
    seq: seq === undefined || seq === null ? undefined : Number(seq),
    byName,
  };
}

function command(name: string, value: boolean): Buffer {
  return Buffer.from(others?.encodePayload({ timestamp: 1, metrics: [{ name, type: "Boolean", value }] }) ?? []);
}

function state(online: boolean, timestamp: number): string {
  return JSON.stringify({ online, timestamp });
}

const born = (server: string, isConnected = true): ServerBirth => ({
  service: "modbus",
  server,
  isConnected,
  values: [changeOf(server, `${server}: Leistung`, 1), changeOf(server, `${server}: Zähler`, 5)],
});

async function plant(t: TestContext, changed: Readonly<Record<string, unknown>> = {}, noCommands = false) {
  const broker = await TestBroker.start(t);
  const opened = openedOutput(
    t,
    {
      type: "sparkplug",
      address: `mqtt://127.0.0.1:${broker.port}`,
      group: "Werk 1",
      edgeNode: "gw",
      timeout: "60s",
      ...changed,
    },
    noCommands,
  );
  const seen = () => broker.messages.map((message) => decoded(message));
  return { broker, ...opened, seen };
}

test("births, data and deaths have the topics, numbers and metrics that Sparkplug prescribes", async (t) => {
  const { connect, seen } = await plant(t);
  const session = await connect();
  await session.publishBirths([born("Kessel"), born("Pumpe", false)], "all");
  await session.publish({ kind: "live", isRepeat: false, changes: [changeOf("Kessel", "Kessel: Leistung", 2)] });
  await session.publishBirths([born("Pumpe")], "changed");
  await session.publishBirths([born("Kessel", false)], "changed");
  await session.publishFigures({ queuedChanges: 1, queuedBytes: 2, droppedChanges: 3, lostChanges: 4 });
  await session.end();
  assert.deepEqual(
    seen().map(({ topic, seq }) => [topic, seq]),
    [
      ["spBv1.0/Werk%201/NBIRTH/gw", 0],
      ["spBv1.0/Werk%201/DBIRTH/gw/Kessel@modbus", 1],
      ["spBv1.0/Werk%201/DDATA/gw/Kessel@modbus", 2],
      ["spBv1.0/Werk%201/DBIRTH/gw/Pumpe@modbus", 3],
      ["spBv1.0/Werk%201/DDEATH/gw/Kessel@modbus", 4],
      ["spBv1.0/Werk%201/NDATA/gw", 5],
      ["spBv1.0/Werk%201/NDEATH/gw", undefined],
    ],
  );
  const [node, device, data, , , figures, death] = seen();
  assert.equal(Number(node?.byName["bdSeq"]?.value), Number(death?.byName["bdSeq"]?.value));
  assert.equal(node?.byName["Node Control/Rebirth"]?.value, false);
  const leistung = device?.byName["Leistung"];
  assert.deepEqual([leistung?.type, leistung?.value, Number(leistung?.timestamp)], ["Double", 1, 1_764_000_000_123]);
  assert.equal(leistung?.properties?.["engUnit"]?.value, "kW");
  assert.equal(leistung?.properties?.["description"]?.value, "about Kessel: Leistung");
  assert.deepEqual([data?.byName["Leistung"]?.value, data?.byName["Leistung"]?.isHistorical ?? false], [2, false]);
  assert.equal(Number(figures?.byName["Bridge/Dropped changes"]?.value), 3);
});

test("the number of the connection grows by one with each, also over restarts, and the will has it", async (t) => {
  const { broker, connect, seen } = await plant(t);
  for (const expected of [0, 1, 2]) {
    const session = await connect();
    await session.publishBirths([], "all");
    const before = broker.messages.length;
    broker.cut();
    await session.ended;
    await until("the will", () => broker.messages.length > before);
    const birth = seen().at(-2);
    const death = seen().at(-1);
    assert.deepEqual([birth?.type, death?.type], ["NBIRTH", "NDEATH"]);
    assert.deepEqual(
      [birth, death].map((one) => Number(one?.byName["bdSeq"]?.value)),
      [expected, expected],
    );
  }
});

test("a rebirth disconnects nobody, begins the numbers anew and keeps that of the connection", async (t) => {
  const { broker, connect, seen, birthsWanted, logged } = await plant(t);
  const session = await connect();
  await session.publishBirths([born("Kessel")], "all");
  await broker.publish("spBv1.0/Werk%201/NCMD/gw", command("Setpoint", true));
  await broker.publish("spBv1.0/Werk%201/NCMD/gw", Buffer.alloc(100_000, 1));
  await broker.publish("spBv1.0/Werk%201/NCMD/gw", command("Node Control/Rebirth", false));
  await broker.publish("spBv1.0/Werk%201/NCMD/gw", command("Node Control/Rebirth", true));
  await until("the wish for births", () => birthsWanted() === 1);
  assert.equal(logged.filter((text) => text.includes("was ignored")).length, 1);
  await session.publishBirths([born("Kessel")], "all");
  const [first, , second] = seen();
  assert.deepEqual([first?.seq, second?.seq, second?.type], [0, 0, "NBIRTH"]);
  assert.equal(Number(second?.byName["bdSeq"]?.value), Number(first?.byName["bdSeq"]?.value));
  assert.equal(broker.connections, 1);
});

test("without commands nothing is subscribed to", async (t) => {
  const { broker, connect } = await plant(t, {}, true);
  const session = await connect();
  await session.publishBirths([born("Kessel")], "all");
  await session.end();
  assert.deepEqual(broker.subscriptions, []);
});

test("the node is born when its primary host is online, and dies when it goes", async (t) => {
  const { broker, connect, seen, logged } = await plant(t, { primaryHost: "SCADA.werk 1" });
  await broker.publish("spBv1.0/STATE/SCADA.werk 1", state(false, 5), true);
  const connecting = connect();
  await until("it waits", () => logged.some((text) => text.includes("primary host SCADA.werk 1")));
  assert.deepEqual(broker.topics(), []);
  await broker.publish("spBv1.0/STATE/SCADA.werk 1", state(true, 4), true);
  await broker.publish("spBv1.0/STATE/SCADA.werk 1", "no JSON", true);
  await broker.publish("spBv1.0/STATE/SCADA.werk 1", state(true, 6), true);
  const session = await connecting;
  await session.publishBirths([born("Kessel")], "all");
  await broker.publish("spBv1.0/STATE/SCADA.werk 1", state(false, 5), true);
  await session.publish({ kind: "live", isRepeat: false, changes: [changeOf("Kessel", "Kessel: Leistung", 2)] });
  await session.publish({ kind: "live", isRepeat: false, changes: [changeOf("Kessel", "Kessel: Leistung", 3)] });
  await broker.publish("spBv1.0/STATE/SCADA.werk 1", state(false, 7), true);
  assert.match((await session.ended).message, /primary host SCADA\.werk 1 went offline/);
  await until("the death", () => seen().some(({ type }) => type === "NDEATH"));
  assert.deepEqual(
    seen().map(({ type }) => type),
    ["NBIRTH", "DBIRTH", "DDATA", "DDATA", "NDEATH"],
  );
});

test("qualities, repeats and history are marked", async (t) => {
  const { connect, seen } = await plant(t);
  const session = await connect();
  await session.publishBirths([born("Kessel")], "all");
  const bad = changeOf("Kessel", "Kessel: Leistung", 2, { status: StatusCode.BadTimeout });
  const uncertain = changeOf("Kessel", "Kessel: Zähler", 3, { status: 0x40000000 });
  await session.publish({ kind: "history", isRepeat: true, changes: [bad, uncertain] });
  const byName = seen().at(-1)?.byName ?? {};
  const properties = (name: string) =>
    Object.entries(byName[name]?.properties ?? {}).map(([key, { value }]) => [
      key,
      typeof value === "object" ? Number(value) : value,
    ]);
  assert.deepEqual([byName["Leistung"]?.value, byName["Zähler"]?.value], [null, 3]);
  assert.deepEqual(properties("Leistung"), [
    ["Quality", 0],
    ["statusCode", StatusCode.BadTimeout],
    ["status", "BadTimeout"],
    ["possibleRepeat", true],
  ]);
  assert.deepEqual(properties("Zähler")[0], ["Quality", 500]);
  assert.equal(byName["Leistung"]?.isHistorical, true);
});

test("history of a dead device, or of a metric without a birth, comes behind a birth that has no values", async (t) => {
  const { connect, seen, birthsWanted } = await plant(t);
  const session = await connect();
  await session.publishBirths([born("Kessel", false), born("Pumpe")], "all");
  await session.publish({ kind: "history", isRepeat: false, changes: [changeOf("Kessel", "Kessel: Leistung", 2)] });
  assert.deepEqual(
    seen()
      .slice(2)
      .map(({ type, topic }) => [type, topic.split("/")[4]]),
    [
      ["DBIRTH", "Kessel@modbus"],
      ["DDATA", "Kessel@modbus"],
      ["DDEATH", "Kessel@modbus"],
    ],
  );
  assert.equal(seen()[2]?.byName["Leistung"]?.value, null);
  assert.equal(birthsWanted(), 0);
  await session.publish({ kind: "history", isRepeat: false, changes: [changeOf("Pumpe", "Pumpe: Alt", 2)] });
  assert.deepEqual(
    seen()
      .slice(5)
      .map(({ type }) => type),
    ["DBIRTH", "DDATA"],
  );
  assert.equal(birthsWanted(), 1, "the host has no values of the living device now");
});

test("with aliases data has numbers in place of names, and the birth has both", async (t) => {
  const { connect, seen } = await plant(t, { aliases: true });
  const session = await connect();
  await session.publishBirths([born("Kessel"), born("Pumpe")], "all");
  await session.publish({ kind: "live", isRepeat: false, changes: [changeOf("Pumpe", "Pumpe: Zähler", 2)] });
  const [, kessel, pumpe, data] = seen();
  const aliases = [kessel, pumpe].flatMap((one) => Object.values(one?.byName ?? {}).map(({ alias }) => Number(alias)));
  assert.equal(new Set(aliases).size, 4);
  assert.deepEqual(Object.keys(data?.byName ?? {}), [`alias ${aliases[3]}`]);
});

test("a value of another type than its birth makes the bridge ask for births", async (t) => {
  const { connect, birthsWanted } = await plant(t);
  const session = await connect();
  await session.publishBirths([born("Kessel")], "all");
  const text = changeOf("Kessel", "Kessel: Leistung", 0, { type: BuiltInType.String, value: "aus" });
  await session.publish({ kind: "live", isRepeat: false, changes: [text] });
  assert.equal(birthsWanted(), 1);
});

test("an alias that both services have makes two devices, and the death of one is not that of the other", async (t) => {
  const { connect, seen } = await plant(t);
  const session = await connect();
  const point = { service: "opcua", server: "Kessel", unit: "", description: "", type: BuiltInType.Double } as const;
  // The second key of OPC UA looks like one of Modbus.
  const ofOpcUa = ["Leistung", "Kessel: Leistung"].map((key, n) =>
    changeOf("Kessel", key, n, { point: { ...point, key } }),
  );
  await session.publishBirths([{ ...born("Kessel"), service: "opcua", values: ofOpcUa }, born("Kessel")], "all");
  const changes = [...ofOpcUa, changeOf("Kessel", "Kessel: Leistung", 7)];
  await session.publish({ kind: "live", isRepeat: false, changes });
  await session.publishBirths([born("Kessel", false)], "changed");
  await session.publish({ kind: "live", isRepeat: false, changes: ofOpcUa });
  assert.deepEqual(
    seen()
      .map(({ type, topic, byName }) => [
        type,
        topic.split("/")[4],
        Object.entries(byName).map(([name, { value }]) => `${name} ${String(value)}`),
      ])
      .slice(1),
    [
      ["DBIRTH", "Kessel", ["Leistung 0", "Kessel: Leistung 1"]],
      ["DBIRTH", "Kessel@modbus", ["Leistung 1", "Zähler 5"]],
      ["DDATA", "Kessel", ["Leistung 0", "Kessel: Leistung 1"]],
      ["DDATA", "Kessel@modbus", ["Leistung 7"]],
      ["DDEATH", "Kessel@modbus", []],
      ["DDATA", "Kessel", ["Leistung 0", "Kessel: Leistung 1"]],
    ],
  );
});

test("messages stay within what the broker takes, and a value that no message can hold is bad", async (t) => {
  const { connect, seen, broker, logged } = await plant(t, { maxMessage: "16K" });
  const session = await connect();
  await session.publishBirths([born("Kessel")], "all");
  const changes = (["a 6000", "b 6000", "c 6000", "d 20000", "d 20000"] as const).map((text) => {
    const [key = "", bytes = ""] = text.split(" ");
    return changeOf("Kessel", `Kessel: ${key}`, 0, { type: BuiltInType.String, value: "ü".repeat(Number(bytes) / 2) });
  });
  await session.publish({ kind: "history", isRepeat: true, changes });
  const data = seen().filter(({ type }) => type === "DDATA");
  assert.deepEqual(
    data.map(({ byName }) => Object.keys(byName)),
    [
      ["a", "b"],
      ["c", "d"],
    ],
  );
  assert.ok(broker.messages.every(({ topic, payload }) => topic.length + payload.length <= 16_384));
  const d = data[1]?.byName["d"];
  assert.deepEqual([d?.value, d?.properties?.["status"]?.value], [null, "BadEncodingLimitsExceeded"]);
  assert.equal(logged.filter((line) => line.includes("set maxMessage")).length, 1);
});
