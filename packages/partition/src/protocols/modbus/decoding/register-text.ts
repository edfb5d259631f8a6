// From the registers of a String to its text.
//
// Promises: a text comes whole or not at all. Registers that are no text in the encoding of the point give BadDecodingError ("decoding
// halted because of invalid data in the stream", OPC 10000-4, 7.39.2) instead of a text with holes.
//
// The registers are read in order, whatever the word order, each with its high byte first (BADC and DCBA: low byte first). They give two
// bytes each, or one where <charactersPerRegister> is 1 or the encoding is UTF-16BE. The text ends before the first NUL; blanks and 0xFF at
// its end are padding.

import { isUtf8 } from "node:buffer";

import type { ModbusText } from "../configuration/modbus-server.ts";
import { REGISTER_BYTES, type ByteOrder } from "./word-order.ts";

/** The text of registers that begin at `offset`; undefined when they hold none in the encoding. */
export type ReadText = (bytes: DataView, offset: number) => string | undefined;

/** What stands for a character or a part of one: bytes, or 16-bit code units in UTF-16BE. */
type DecodeUnits = (units: Uint16Array) => string | undefined;

const BLANK = 0x20;

interface Encoding {
  readonly decode: DecodeUnits;
  /** Most bytes of UTF-8 that a unit becomes. */
  readonly utf8BytesPerUnit: number;
}

const encodings: Readonly<Record<ModbusText["encoding"], Encoding>> = {
  "UTF-8": { decode: decodeUtf8, utf8BytesPerUnit: 1 },
  "ISO-8859-1": { decode: (units) => String.fromCharCode(...units), utf8BytesPerUnit: 2 },
  "windows-1252": { decode: decodeWindows1252, utf8BytesPerUnit: 3 },
  "UTF-16BE": { decode: decodeUtf16, utf8BytesPerUnit: 3 },
};

/** Bytes of UTF-8 that a text of so many registers needs at most. */
export function longestTextBytes(registers: number, { encoding, charactersPerRegister }: ModbusText): number {
  return registers * charactersPerRegister * encodings[encoding].utf8BytesPerUnit;
}

export function chooseTextReader(registers: number, text: ModbusText, { littleEndian }: ByteOrder): ReadText {
  const { decode } = encodings[text.encoding];
  const isUtf16 = text.encoding === "UTF-16BE";
  const padding = isUtf16 ? 0xffff : 0xff;
  const units = new Uint16Array(registers * text.charactersPerRegister);
  if (text.charactersPerRegister === 2) {
    const swap = littleEndian ? 1 : 0;
    return (bytes, offset) => {
      for (let at = 0; at < units.length; at++) units[at] = bytes.getUint8(offset + (at ^ swap));
      return decode(trim(units, padding));
    };
  }
  return (bytes, offset) => {
    for (let at = 0; at < units.length; at++) {
      const register = bytes.getUint16(offset + at * REGISTER_BYTES, littleEndian);
      units[at] = register === 0xffff ? padding : register;
    }
    const trimmed = trim(units, padding);
    // A register with more than a byte is no character of an encoding of bytes.
    return isUtf16 || trimmed.every((unit) => unit <= 0xff) ? decode(trimmed) : undefined;
  };
}

function trim(units: Uint16Array, padding: number): Uint16Array {
  const terminator = units.indexOf(0);
  let length = terminator === -1 ? units.length : terminator;
  for (; length > 0; length--) {
    const last = units[length - 1];
    if (last !== BLANK && last !== padding) break;
  }
  return units.subarray(0, length);
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeUtf8(units: Uint16Array): string | undefined {
  const bytes = Uint8Array.from(units);
  return isUtf8(bytes) ? utf8.decode(bytes) : undefined;
}

function decodeUtf16(units: Uint16Array): string | undefined {
  const text = String.fromCharCode(...units);
  return text.isWellFormed() ? text : undefined;
}

/** 0x80 to 0x9F of windows-1252; elsewhere it is ISO-8859-1. A blank stands for the five bytes that it leaves undefined. */
const windows1252 = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

function decodeWindows1252(units: Uint16Array): string | undefined {
  let text = "";
  for (const unit of units) {
    const character = unit >= 0x80 && unit <= 0x9f ? windows1252.charAt(unit - 0x80) : String.fromCharCode(unit);
    if (unit >= 0x80 && character === " ") return undefined;
    text += character;
  }
  return text;
}
