import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ServerBirth } from "../../../../packages/bridge/src/observation/observed-change.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import { until } from "../../../until.ts";
import { changeOf, openedOutput } from "../opened-output.ts";
import { TestBroker } from "../test-broker.ts";

async function plant(t: TestContext, changed: Readonly<Record<string, unknown>> = {}) {
  const broker = await TestBroker.start(t);
  const opened = openedOutput(t, {
    type: "mqtt",
    address: `mqtt://127.0.0.1:${broker.port}`,
    timeout: "60s",
    ...changed,
  });
  const seen = () =>
    broker.messages.map(
      ({ topic, payload, retain }) => [topic, JSON.parse(payload.toString()) as unknown, retain] as const,
    );
  return { broker, ...opened, seen };
}

const kessel: ServerBirth = {
  service: "modbus",
  server: "Kessel 1",
  isConnected: true,
  values: [changeOf("Kessel 1", "Kessel 1: Öl/Temp", 1)],
};

test("each point has a topic, retained while it is live, and history has topics of its own", async (t) => {
  const { connect, seen } = await plant(t, { topic: "werk/gw" });
  const session = await connect();
  await session.publishBirths([kessel], "all");
  const bad = changeOf("Kessel 1", "Kessel 1: Öl/Temp", 2, { status: StatusCode.BadTimeout });
  await session.publish({ kind: "history", isRepeat: true, changes: [bad] });
  await session.publishBirths([{ ...kessel, isConnected: false }], "changed");
  await session.end();
  const messages = seen();
  assert.deepEqual(
    messages.map(([topic, , retain]) => [topic, retain]),
    [
      ["werk/gw/bridge", true],
      ["werk/gw/servers/Kessel%201@modbus", true],
      ["werk/gw/live/Kessel%201@modbus/Kessel%201%3A%20Öl%2FTemp", true],
      ["werk/gw/history/Kessel%201@modbus/Kessel%201%3A%20Öl%2FTemp", false],
      ["werk/gw/servers/Kessel%201@modbus", true],
      ["werk/gw/bridge", true],
    ],
  );
  assert.deepEqual(messages[2]?.[1], {
    value: 1,
    varType: "Double",
    time: "2025-11-24T16:00:00.123456Z",
    unit: "kW",
    description: "about Kessel 1: Öl/Temp",
  });
  assert.deepEqual(messages[3]?.[1], {
    value: null,
    varType: "Double",
    time: "2025-11-24T16:00:00.123456Z",
    statusCode: StatusCode.BadTimeout,
    status: "BadTimeout",
    unit: "kW",
    description: "about Kessel 1: Öl/Temp",
    historical: true,
    possibleRepeat: true,
  });
  const states = messages.flatMap(([topic, content]) =>
    /bridge|servers/.test(topic) ? [content as Record<string, unknown>] : [],
  );
  assert.deepEqual(
    states.map(({ online, connected }) => online ?? connected),
    [true, true, false, false],
  );
});

test("with the layout server one message has the values of a server", async (t) => {
  const { connect, seen, broker } = await plant(t, { layout: "server", maxMessage: "256K" });
  const session = await connect();
  const changes = Array.from({ length: 3000 }, (_, n) => changeOf("Kessel", `${n % 2}`, n));
  await session.publish({ kind: "live", isRepeat: false, changes });
  const messages = seen();
  assert.deepEqual(
    messages.map(([topic, , retain]) => [topic, retain]),
    [
      ["cpc/live/Kessel@modbus", false],
      ["cpc/live/Kessel@modbus", false],
    ],
  );
  assert.equal(messages.flatMap(([, content]) => content as unknown[]).length, 3000);
  assert.ok(broker.messages.every(({ topic, payload }) => topic.length + payload.length <= 256 * 1024));
  assert.deepEqual(
    ((messages[0]?.[1] ?? []) as { key: string; value: number }[]).slice(0, 2).map(({ key, value }) => [key, value]),
    [
      ["0", 0],
      ["1", 1],
    ],
  );
});

test("when the connection is cut the broker says offline", async (t) => {
  const { broker, connect, seen } = await plant(t);
  const session = await connect();
  await session.publishBirths([], "all");
  broker.cut();
  await session.ended;
  await until("the will", () => seen().length === 2);
  assert.deepEqual(seen().at(-1), ["cpc/bridge", { online: false }, true]);
});

test("an alias that both services have has topics of two servers, and an end of one that is gone", async (t) => {
  const { connect, seen } = await plant(t);
  const session = await connect();
  const ofOpcUa: ServerBirth = { service: "opcua", server: "Kessel 1", isConnected: true, values: [] };
  await session.publishBirths([ofOpcUa, kessel], "all");
  await session.publishBirths([ofOpcUa], "all");
  const states = seen().flatMap(([topic, content]) => {
    const { server, connected, removed } = content as Record<string, unknown>;
    return topic.includes("/servers/") ? [[topic, server, connected, removed]] : [];
  });
  assert.deepEqual(states, [
    ["cpc/servers/Kessel%201", "Kessel 1", true, undefined],
    ["cpc/servers/Kessel%201@modbus", "Kessel 1", true, undefined],
    ["cpc/servers/Kessel%201@modbus", "Kessel 1", false, true],
    ["cpc/servers/Kessel%201", "Kessel 1", true, undefined],
  ]);
});

test("a value that no message can hold is published as bad", async (t) => {
  const { connect, seen, logged } = await plant(t, { maxMessage: "16K" });
  const session = await connect();
  const large = changeOf("Kessel", "Kessel: Text", 0, { type: BuiltInType.String, value: "x".repeat(20_000) });
  await session.publish({ kind: "live", isRepeat: false, changes: [large, large] });
  assert.deepEqual(
    seen().map(([, content]) => {
      const { value, status } = content as Record<string, unknown>;
      return [value, status];
    }),
    [
      [null, "BadEncodingLimitsExceeded"],
      [null, "BadEncodingLimitsExceeded"],
    ],
  );
  assert.equal(logged.filter((line) => line.includes("Kessel/Kessel: Text")).length, 1);
});
