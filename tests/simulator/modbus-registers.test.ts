import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as fc from "fast-check";

import type {
  ModbusPoint,
  ModbusText,
  ReadFunction,
  WordOrder,
} from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { chooseDecoder } from "../../packages/partition/src/protocols/modbus/decoding/register-decoding.ts";
import { chooseTextReader } from "../../packages/partition/src/protocols/modbus/decoding/register-text.ts";
import { byteOrderOf } from "../../packages/partition/src/protocols/modbus/decoding/word-order.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { modbusTable } from "../../packages/simulator/src/modbus-registers.ts";
import { RecordingSink } from "../plant/recording-sink.ts";
import { movingBit, movingNumber, movingText } from "../../packages/simulator/src/moving-values.ts";

const atMs = Date.UTC(2026, 6, 1, 12);

function point(changes: Partial<ModbusPoint>): ModbusPoint {
  const wireType = changes.wireType ?? BuiltInType.UInt16;
  return {
    key: "Anlage: Punkt",
    description: "",
    unit: "",
    functionCode: 3,
    unitId: 1,
    address: 10,
    width: 1,
    wireType,
    type: wireType,
    bit: -1,
    wordOrder: "ABCD",
    scale: "1",
    bias: "0",
    location: { file: "test.xml", line: 1 },
    ...changes,
  };
}

function registers(of: ModbusPoint, among: readonly ModbusPoint[] = [of], time = atMs): DataView {
  const table = modbusTable(among);
  const bytes = new DataView(new ArrayBuffer(2 * of.width));
  for (let i = 0; i < of.width; i += 1) {
    const value = table(of.functionCode, of.unitId, of.address + i, time);
    assert.ok(value !== undefined, `no register at ${of.address + i}`);
    bytes.setUint16(2 * i, value);
  }
  return bytes;
}

function float(wordOrder: WordOrder): string {
  return hex(registers(point({ wireType: BuiltInType.Float, width: 2, unit: "bar", wordOrder })));
}

function hex(bytes: DataView): string {
  return Buffer.from(bytes.buffer).toString("hex");
}

describe("registers of a simulated device", () => {
  it("hold a Float in each of the four orders", () => {
    const value = Math.fround(movingNumber("Anlage: Punkt", "bar", false)(atMs));
    const a = float("ABCD");
    const [A, B, C, D] = [a.slice(0, 2), a.slice(2, 4), a.slice(4, 6), a.slice(6, 8)];
    assert.equal(Buffer.from(a, "hex").readFloatBE(), value);
    assert.equal(float("CDAB"), `${C}${D}${A}${B}`);
    assert.equal(float("BADC"), `${B}${A}${D}${C}`);
    assert.equal(float("DCBA"), `${D}${C}${B}${A}`);
  });

  it("hold 64 bits with all words turned round, and 16 bits with their bytes", () => {
    const counter = point({ wireType: BuiltInType.UInt64, width: 4, unit: "kWh" });
    const count = BigInt(movingNumber(counter.key, "kWh", true)(atMs));
    assert.equal(registers(counter).getBigUint64(0), count);
    assert.equal(registers({ ...counter, wordOrder: "DCBA" }).getBigUint64(0, true), count);
    const word = point({ unit: "kWh" });
    assert.equal(registers({ ...word, wordOrder: "BADC" }).getUint16(0, true), registers(word).getUint16(0));
  });

  it("hold raw numbers that scale and bias turn into the value", () => {
    const scaled = point({
      wireType: BuiltInType.Int16,
      unit: "°C",
      scale: "0.1",
      bias: "-50",
    });
    const expected = movingNumber(scaled.key, "°C", false)(atMs);
    assert.ok(Math.abs(registers(scaled).getInt16(0) * 0.1 - 50 - expected) <= 0.05 + 1e-9);
  });

  it("hold a raw number that moves and does not overflow where they have no room for the value", () => {
    // A counter of a million, and hours up to 40,000, with the exponent -1 in registers of 16 bits.
    for (const name of ["Zähler", "Betriebsstunden"]) {
      const small = point({ key: `Anlage: ${name}`, wireType: BuiltInType.Int16, factorAddress: 11 });
      const at = (ms: number): number => registers(small, [small], ms).getInt16(0);
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 4e12 }), (time) => {
          assert.ok(at(time) >= 0 && at(time) <= 100, `${name} ${at(time)}`);
          assert.ok(new Set(Array.from({ length: 300 }, (_, second) => at(time + 1000 * second))).size >= 3);
        }),
      );
    }
  });

  it("hold a raw number that moves where the value would be negative in them, or would hardly change them", () => {
    for (const changes of [
      { unit: "°C", bias: "60" }, // 18 to 92 °C would be -42 to 32
      { unit: "bar", scale: "2" }, // 5.4 to 7.8 bar would be 3 and 4
    ]) {
      const scaled = point(changes);
      const seen = Array.from({ length: 300 }, (_, second) =>
        registers(scaled, [scaled], atMs + 1000 * second).getUint16(0),
      );
      assert.ok(Math.max(...seen) <= 100, `${changes.unit} ${Math.max(...seen)}`);
      assert.ok(new Set(seen).size >= 10, `${changes.unit}: ${new Set(seen).size} values`);
    }
  });

  it("hold texts, filled up with NUL", () => {
    const text = point({ wireType: BuiltInType.String, width: 20 });
    const bytes = Buffer.from(registers(text).buffer);
    assert.equal(bytes.toString("utf8").replace(/\0+$/, ""), movingText(text.key)(atMs));
    assert.equal(
      Buffer.from(registers({ ...text, wordOrder: "DCBA" }).buffer)
        .swap16()
        .compare(bytes),
      0,
    );
  });

  it("hold texts in every encoding as the client reads them", () => {
    const texts: readonly ModbusText[] = [
      { encoding: "UTF-8", charactersPerRegister: 2 },
      { encoding: "UTF-8", charactersPerRegister: 1 },
      { encoding: "ISO-8859-1", charactersPerRegister: 2 },
      { encoding: "windows-1252", charactersPerRegister: 1 },
      { encoding: "UTF-16BE", charactersPerRegister: 1 },
    ];
    for (const text of texts) {
      for (const wordOrder of ["ABCD", "DCBA"] as const) {
        // The text of this key has an umlaut.
        const of = point({ key: "Anlage: 1", wireType: BuiltInType.String, width: 40, text, wordOrder });
        const read = chooseTextReader(of.width, text, byteOrderOf(wordOrder));
        assert.equal(read(registers(of), 0), movingText(of.key)(atMs), `${text.encoding} ${wordOrder}`);
      }
    }
  });

  it("hold bytes, Float16, BCD and values with a scale factor as the partition reads them", () => {
    const { SByte, Byte, Float, UInt16, UInt64, Int16, Double } = BuiltInType;
    const others: readonly Partial<ModbusPoint>[] = [
      { wireType: SByte, type: SByte, form: "lowByte" },
      { wireType: Byte, type: Byte, form: "highByte" },
      { wireType: Float, type: Float, form: "float16", width: 1 },
      { wireType: UInt16, type: UInt16, form: "bcd", width: 1 },
      { wireType: UInt64, type: UInt64, form: "bcd", width: 3 },
      { wireType: Int16, type: Double, factorAddress: 2 },
    ];
    for (const changes of others) {
      for (const wordOrder of ["ABCD", "CDAB", "BADC", "DCBA"] as const) {
        const of = point({ key: "Anlage: 1", address: 0, wordOrder, ...changes });
        const table = modbusTable([of]);
        const bytes = new DataView(new ArrayBuffer(8));
        for (let at = 0; at < 4; at++) bytes.setUint16(2 * at, table(of.functionCode, of.unitId, at, atMs) ?? 0);
        const sink = new RecordingSink();
        chooseDecoder(of)(bytes, 0, 0, sink, 0);
        assert.notEqual(sink.value(0), undefined, JSON.stringify(changes));
      }
    }
  });

  it("share one register among its bits", () => {
    const bits = [0, 3, 15].map((bit) => point({ key: `Bit ${bit}`, wireType: BuiltInType.Boolean, bit }));
    const expected = bits.reduce((word, { key, bit }) => word | (Number(movingBit(key)(atMs)) << bit), 0);
    const [first] = bits;
    assert.ok(first);
    assert.equal(registers(first, bits).getUint16(0), expected);
  });

  it("keep function codes and unit ids apart, and nothing anywhere else", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ReadFunction>(1, 2, 3, 4),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 65_535 }),
        fc.constantFrom<ReadFunction>(1, 2, 3, 4),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 65_535 }),
        (functionCode, unitId, address, otherCode, otherUnit, otherAddress) => {
          const table = modbusTable([point({ functionCode, unitId, address })]);
          assert.notEqual(table(functionCode, unitId, address, atMs), undefined);
          if (functionCode === otherCode && unitId === otherUnit && address === otherAddress) return;
          assert.equal(table(otherCode, otherUnit, otherAddress, atMs), undefined);
        },
      ),
    );
  });

  it("belong to the first of two points that claim them", () => {
    const first = point({ key: "first", unit: "bar" });
    const second = point({ key: "second", unit: "V" });
    assert.equal(hex(registers(first, [first, second])), hex(registers(first)));
  });
});
