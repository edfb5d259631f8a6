import assert from "node:assert/strict";
import { test } from "node:test";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import {
  unpackConfigurations,
  unpackServer,
} from "../../../packages/partition/src/configuration/packed-configuration.ts";
import type { ModbusServer } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { point, server } from "../../plant/modbus-points.ts";

const servers: readonly ModbusServer[] = [
  server(502, [point(0, { scale: "0.1" }), point(7, { description: "\u00e4 \u{1f321}", intervalMs: 100 })]),
  server(503, [point(1)], { alias: "Other" }),
];
const packed = packConfigurations({ modbus: { servers } }).modbus ?? assert.fail();

function packedAgain(changed: ModbusServer): readonly Uint8Array[] | undefined {
  return packConfigurations({ modbus: { servers: [changed] } }).modbus?.servers;
}

/** `location` is for messages about files, and everything else is there again. */
function withoutPlaces(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === "location" ? undefined : inner)));
}

test("a packed server is the same again, apart from its place in a file", () => {
  assert.deepEqual(packed.servers.map(unpackServer).map(withoutPlaces), withoutPlaces(servers));
  assert.deepEqual(withoutPlaces(unpackConfigurations({ modbus: packed })), withoutPlaces({ modbus: { servers } }));
});

test("what is asked of a configuration as a whole needs no unpacking", () => {
  assert.equal(packed.points, 3);
  assert.deepEqual(
    packed.connections.map(({ key }) => key),
    ["ModbusTCP Connections:Plant: Connection status", "ModbusTCP Connections:Other: Connection status"],
  );
});

test("a server that moves in its file has the same bytes, one that is configured otherwise has others", () => {
  const [first] = packed.servers;
  const [own] = servers;
  assert.ok(own);
  const moved = { ...own, location: { file: "other.xml", line: 99 }, points: own.points.map((one) => ({ ...one })) };
  assert.deepEqual(packedAgain(moved), [first]);
  assert.notDeepEqual(packedAgain({ ...own, timeoutMs: 1 }), [first]);
});

test("a message takes along the bytes of the server alone", () => {
  for (const { byteLength, buffer } of packed.servers) assert.equal(buffer.byteLength, byteLength);
});
