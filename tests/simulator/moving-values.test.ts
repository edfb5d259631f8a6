import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as fc from "fast-check";

import { BuiltInType, type BuiltInTypeName } from "../../packages/image/src/values/built-in-type.ts";
import { movingBit, movingNumber, movingScalar, wrap } from "../../packages/simulator/src/moving-values.ts";

const startMs = Date.UTC(2026, 6, 1);

/** What a point says in the minute after the start, four times a second. */
function minute<Seen>(value: (atMs: number) => Seen): Seen[] {
  return Array.from({ length: 240 }, (_, i) => value(startMs + i * 250));
}

/** How much of an hour a bit is set. */
function shareSet(name: string): number {
  const bit = movingBit(name);
  return Array.from({ length: 3600 }, (_, s) => bit(startMs + s * 1000)).filter(Boolean).length / 3600;
}

const ranges: Partial<Record<BuiltInTypeName, readonly [number, number]>> = {
  SByte: [-128, 127],
  Byte: [0, 255],
  Int16: [-32_768, 32_767],
  UInt16: [0, 65_535],
  Int32: [-(2 ** 31), 2 ** 31 - 1],
  UInt32: [0, 2 ** 32 - 1],
};

describe("moving values", () => {
  it("are the same for the same point and moment, wherever they are asked", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...Object.values(BuiltInType)), fc.nat(), (name, type, offsetMs) => {
        const once = movingScalar(name, "bar", type)(startMs + offsetMs);
        assert.deepEqual(movingScalar(name, "bar", type)(startMs + offsetMs), once);
      }),
    );
  });

  it("move within a minute, whatever the number's type", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom("", "°C", "bar", "mbar", "m³/h", "1/min", "%", "kWh"),
        fc.constantFrom("Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double"),
        (name, unit, type) => {
          const seen = new Set(minute(movingScalar(name, unit, BuiltInType[type])));
          assert.ok(seen.size >= 5, `${type} "${name}" in ${unit}: ${[...seen].join(" ")}`);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("stay inside their type, as whole numbers", () => {
    for (const [name, [lowest, highest]] of Object.entries(ranges)) {
      const type = BuiltInType[name as BuiltInTypeName];
      for (const value of minute(movingScalar("Drehzahl", "1/min", type))) {
        assert.ok(Number.isInteger(value), `${name} ${String(value)}`);
        assert.ok((value as number) >= lowest && (value as number) <= highest, `${name} ${String(value)}`);
      }
      assert.equal(wrap(type, highest + 1), lowest);
      assert.equal(wrap(type, lowest - 1), highest);
    }
  });

  it("keep to what their unit makes plausible", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (name, offsetMs) => {
        const temperature = movingNumber(name, "°C", false)(startMs + offsetMs);
        assert.ok(temperature > 10 && temperature < 100, `${temperature} °C`);
        const pressure = movingNumber(name, "bar", false)(startMs + offsetMs);
        assert.ok(pressure > 5 && pressure < 8, `${pressure} bar`);
      }),
    );
  });

  it("count upwards only, where they are counters", () => {
    const counts = minute(movingNumber("Energie", "kWh", true));
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
  });

  it("toggle bits, but faults seldom", () => {
    for (let i = 0; i < 20; i += 1) {
      const valve = shareSet(`Ventil ${i} offen`);
      const fault = shareSet(`Störung ${i}`);
      assert.ok(valve > 0.4 && valve < 0.6, `valve ${valve}`);
      assert.ok(fault > 0 && fault < 0.2, `fault ${fault}`);
    }
  });
});
