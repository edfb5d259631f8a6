import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { get } from "sparkplug-payload";
import {
  DataType,
  encodePayload,
  trueMetrics,
  type Metric,
} from "../../../../packages/bridge/src/outputs/sparkplug/payload.ts";

/** Encoder and decoder that others wrote. */
const others = get("spBv1.0");
assert.ok(others);

const metric: Metric = {
  name: "Temperatur Öl",
  alias: undefined,
  timestampMs: 1_764_000_000_123,
  datatype: DataType.Double,
  isHistorical: false,
  properties: [],
  value: 1,
};

function decoded(changed: Partial<Metric>) {
  const { metrics } = others?.decodePayload(encodePayload(1, 7, [{ ...metric, ...changed }])) ?? {};
  assert.equal(metrics?.length, 1);
  return metrics[0] as NonNullable<(typeof metrics)[0]>;
}

/** Numbers of 64 bits come as objects with two halves. */
function plain(value: unknown): unknown {
  const { low, high } = (value ?? {}) as { readonly low?: number; readonly high?: number };
  if (low === undefined || high === undefined) return value;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

const integers: readonly (readonly [DataType, bigint, bigint])[] = [
  [DataType.Int32, -(2n ** 31n), 2n ** 31n - 1n],
  [DataType.Int64, -(2n ** 63n), 2n ** 63n - 1n],
  [DataType.UInt8, 0n, 255n],
  [DataType.UInt16, 0n, 65_535n],
  [DataType.UInt64, 0n, 2n ** 64n - 1n],
  [DataType.DateTime, 0n, 2n ** 53n],
];

test("integers of every type come back from a decoder that others wrote", () => {
  for (const [datatype, min, max] of integers) {
    const isWide = datatype === DataType.Int64 || datatype === DataType.UInt64 || datatype === DataType.DateTime;
    const check = (value: bigint): void => {
      const found = plain(decoded({ datatype, value: isWide ? value : Number(value) }).value);
      // The decoder shows the 64 bits of an Int64 without a sign.
      const bits = isWide ? BigInt.asUintN(64, value) : value;
      assert.equal(BigInt(found as number), bits, `type ${datatype}`);
    };
    for (const value of [min, max, 0n, 1n]) check(value);
    fc.assert(fc.property(fc.bigInt({ min, max }), check), { numRuns: 20 });
  }
});

test("other values come back, too, and null is null", () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      assert.deepEqual(decoded({ value }).value, value);
    }),
    { numRuns: 50 },
  );
  assert.equal(decoded({ datatype: DataType.Float, value: 1.5 }).value, 1.5);
  assert.equal(decoded({ datatype: DataType.Boolean, value: true }).value, true);
  assert.equal(decoded({ datatype: DataType.String, value: "Öl €" }).value, "Öl €");
  assert.equal(decoded({ datatype: DataType.UUID, value: "x" }).value, "x");
  assert.deepEqual(
    [...(decoded({ datatype: DataType.Bytes, value: Uint8Array.of(1, 2) }).value as Uint8Array)],
    [1, 2],
  );
  assert.equal(decoded({ value: null }).value, null);
});

test("names, aliases, times, history and properties are where a decoder looks for them", () => {
  const properties = [
    ["engUnit", "°C"],
    ["Quality", 500],
    ["statusCode", 0x80310000],
    ["possibleRepeat", true],
  ] as const;
  const found = decoded({ alias: 300, isHistorical: true, properties });
  assert.equal(found.name, "Temperatur Öl");
  assert.equal(Number(found.alias), 300);
  assert.equal(Number(found.timestamp), 1_764_000_000_123);
  assert.equal(found.isHistorical, true);
  assert.deepEqual(
    Object.entries(found.properties ?? {}).map(([key, { type, value }]) => [key, type, plain(value)]),
    [
      ["engUnit", "String", "°C"],
      ["Quality", "Int32", 500],
      ["statusCode", "Int64", 0x80310000n],
      ["possibleRepeat", "Boolean", true],
    ],
  );
  const payload = others?.decodePayload(encodePayload(1_764_000_000_123, 255, []));
  assert.deepEqual([Number(payload?.timestamp), Number(payload?.seq)], [1_764_000_000_123, 255]);
});

test("a large message is whole", () => {
  const metrics = Array.from({ length: 20_000 }, (_, n) => ({ ...metric, name: `point ${n}`, value: n }));
  const found = others?.decodePayload(encodePayload(1, 0, metrics)).metrics ?? [];
  assert.equal(found.length, 20_000);
  assert.ok(found.every(({ name, value }, n) => name === `point ${n}` && value === n));
});

test("of a command only the names of what is true are taken, and nonsense is none", () => {
  const command = others?.encodePayload({
    timestamp: 1,
    metrics: [
      { name: "Node Control/Rebirth", type: "Boolean", value: true },
      { name: "Node Control/Reboot", type: "Boolean", value: false },
      { name: "Setpoint", type: "Double", value: 4 },
    ],
  });
  assert.deepEqual(trueMetrics(Buffer.from(command ?? [])), ["Node Control/Rebirth"]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.ok((trueMetrics(Buffer.from(bytes)) ?? []).length <= 100);
    }),
  );
  assert.equal(trueMetrics(Buffer.from([0x12, 0xff])), undefined);
  assert.equal(trueMetrics(Buffer.alloc(20, 0xff)), undefined);
});
