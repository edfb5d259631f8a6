import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type {
  ModbusPoint,
  ModbusText,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import {
  chooseDecoder,
  textCapacityBytes,
} from "../../../../../packages/partition/src/protocols/modbus/decoding/register-decoding.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { point, RecordingSink } from "../../../../plant/modbus-points.ts";

function asked(bytes: Uint8Array, text: ModbusText | undefined, changes: Partial<ModbusPoint> = {}): ModbusPoint {
  return point(0, { wireType: BuiltInType.String, width: bytes.length / 2, text, ...changes });
}

/** The text, or the status in its place. */
function read(bytes: Uint8Array, text?: ModbusText, changes?: Partial<ModbusPoint>): unknown {
  const sink = new RecordingSink();
  const data = Uint8Array.from([0xee, ...bytes]);
  chooseDecoder(asked(bytes, text, changes))(new DataView(data.buffer), 1, 0, sink, 0);
  return sink.status(0) ?? sink.value(0);
}

function encoded(encoding: ModbusText["encoding"], charactersPerRegister: 1 | 2 = 2): ModbusText {
  return { encoding, charactersPerRegister };
}

const latin1 = encoded("ISO-8859-1");
const windows = encoded("windows-1252");
const utf16 = encoded("UTF-16BE", 1);
const single = encoded("UTF-8", 1);

test("a text ends at its first NUL, and blanks and 0xFF at its end are padding", () => {
  assert.equal(read(Buffer.from("Kühlung\0XYZ")), "Kühlung");
  assert.equal(read(Buffer.from("Pumpe 1 ")), "Pumpe 1");
  assert.equal(read(Buffer.from(" Pumpe  \0")), " Pumpe");
  assert.equal(read(Buffer.from([0, 0, 0x41, 0x42])), "");
  assert.equal(read(Buffer.from([0xff, 0xff, 0xff, 0xff])), "");
  assert.equal(read(Buffer.from([0x41, 0x42, 0x20, 0xff, 0xff, 0xff])), "AB");
  assert.equal(read(Buffer.from([0x41, 0xff, 0x00, 0x42])), "A");
  assert.equal(read(Buffer.from([0x53, 0xfc, 0x64, 0x20, 0xff, 0xff]), latin1), "Süd");
  assert.equal(read(Buffer.from([0, 0x41, 0, 0x42, 0, 0x20, 0xff, 0xff]), utf16), "AB");
  assert.equal(read(Buffer.from([0, 0x41, 0, 0x42, 0, 0xff, 0xff, 0xff]), single), "AB");
});

test("each encoding gives its characters", () => {
  assert.equal(read(Buffer.from("Süd 20 °C €\0")), "Süd 20 °C €");
  assert.equal(read(Buffer.from("\ufeffA")), "\ufeffA");
  assert.equal(read(Buffer.from("Süd 20 °C ", "latin1"), latin1), "Süd 20 °C");
  assert.equal(read(Buffer.from([0x80, 0x92, 0xe4, 0x9f]), windows), "€’äŸ");
  const characters = Buffer.from(Array.from({ length: 254 }, (_, at) => at + 1));
  assert.equal(read(characters, latin1), String.fromCharCode(...characters));
  const wide = Buffer.from("Süd €𝄞", "utf16le").swap16();
  assert.equal(read(wide, utf16), "Süd €𝄞");
});

test("windows-1252 is what its standard table says", () => {
  const decoder = new TextDecoder("windows-1252");
  for (let byte = 1; byte < 255; byte++) {
    const bytes = Buffer.from([0x41, byte, 0x42, 0x43]);
    const isUndefined = [0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(byte);
    assert.equal(read(bytes, windows), isUndefined ? StatusCode.BadDecodingError : decoder.decode(bytes), `${byte}`);
  }
});

test("what is no text in the encoding is a decoding error, not a text with holes", () => {
  const bad = StatusCode.BadDecodingError;
  assert.equal(read(Buffer.from("Süd ", "latin1")), bad);
  assert.equal(read(Buffer.from([0x41, 0xff, 0x42, 0])), bad);
  assert.equal(read(Buffer.from([0x41, 0x42, 0x43, 0xc3])), bad);
  assert.equal(read(Buffer.from([0xd8, 0x34, 0, 0x41]), utf16), bad);
  assert.equal(read(Buffer.from("ABCD"), single), bad);
});

test("one character in a register is its low byte, or the high byte with the bytes swapped", () => {
  const low = Buffer.from([0, 0x53, 0, 0xc3, 0, 0xbc, 0, 0x64, 0, 0]);
  assert.equal(read(low, single), "Süd");
  assert.equal(read(low, single, { wordOrder: "CDAB" }), "Süd");
  assert.equal(read(Buffer.from(low).swap16(), single, { wordOrder: "BADC" }), "Süd");
  assert.equal(read(Buffer.from([0, 0x53, 0, 0xfc, 0, 0x64]), encoded("ISO-8859-1", 1)), "Süd");
});

test("the registers of a text stay in order, and BADC and DCBA swap their bytes", () => {
  const inOrder = Buffer.from("Kühlung\0\0");
  const swapped = Buffer.from(inOrder).swap16();
  assert.equal(read(inOrder, undefined, { wordOrder: "CDAB" }), "Kühlung");
  assert.equal(read(swapped, undefined, { wordOrder: "BADC" }), "Kühlung");
  assert.equal(read(swapped, undefined, { wordOrder: "DCBA" }), "Kühlung");
  const wide = Buffer.from("Süd", "utf16le");
  assert.equal(read(wide, utf16, { wordOrder: "BADC" }), "Süd");
});

test("the capacity of a text holds whatever its registers hold", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.constantFrom(undefined, latin1, windows, utf16, single, encoded("windows-1252", 1)),
      (half, text) => {
        const bytes = Uint8Array.from([...half, ...half]);
        const value = read(bytes, text);
        if (typeof value === "string") assert.ok(Buffer.byteLength(value) <= textCapacityBytes(asked(bytes, text)));
      },
    ),
  );
  assert.equal(textCapacityBytes(asked(Buffer.alloc(20), undefined)), 20);
  assert.equal(textCapacityBytes(asked(Buffer.alloc(20), windows)), 60);
  assert.equal(textCapacityBytes(asked(Buffer.alloc(20), utf16)), 30);
  assert.equal(textCapacityBytes(point(0, { wireType: BuiltInType.UInt64 })), 0);
});
