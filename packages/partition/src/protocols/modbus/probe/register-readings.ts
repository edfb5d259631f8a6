// What registers could mean: each as every type in every word order, read by the decoder that a configured point has. Pure.

import type { ModbusPoint, WordOrder } from "../configuration/modbus-server.ts";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { chooseDecoder } from "../decoding/register-decoding.ts";

export const wordOrders: readonly WordOrder[] = ["ABCD", "CDAB", "BADC", "DCBA"];

/** Of the types that take more than one register. */
export const wideTypes = [
  { name: "Float", type: BuiltInType.Float, registers: 2 },
  { name: "Int32", type: BuiltInType.Int32, registers: 2 },
  { name: "Double", type: BuiltInType.Double, registers: 4 },
  { name: "Int64", type: BuiltInType.Int64, registers: 4 },
] as const;

export type WideType = (typeof wideTypes)[number];

export interface TextReading {
  readonly address: number;
  readonly registers: number;
  readonly text: string;
  /** In each register the second character comes first. */
  readonly isSwapped: boolean;
}

const shortestText = 4;

/** The value that begins at the register `at`; undefined: there are too few registers behind it. */
export function wideReading(
  registers: readonly number[],
  at: number,
  { type, registers: width }: WideType,
  wordOrder: WordOrder,
): number | bigint | undefined {
  if (at + width > registers.length) return undefined;
  const bytes = new DataView(new ArrayBuffer(width * 2));
  for (let register = 0; register < width; register++) bytes.setUint16(register * 2, registers[at + register] ?? 0);
  const taken: (number | bigint)[] = [];
  const sink: PointSink = {
    responseCame: () => {},
    setNumber: (_index, _type, value) => taken.push(value),
    setTimedNumber: () => {},
    setValue: (_index, { value }) => taken.push(value as bigint),
    unchanged: () => {},
    setStatus: () => {},
  };
  chooseDecoder(rawPoint(type, width, wordOrder))(bytes, 0, 0, sink, 0);
  return taken[0];
}

/**
 * Whether a process value could look like that. A wrong word order gives numbers that are tiny, huge or none, so that the right one is the
 * one that is plausible from register to register.
 */
export function isPlausible({ name }: WideType, value: number | bigint): boolean {
  if (value === 0) return true;
  const size = Math.abs(Number(value));
  if (name === "Int64") return size < 1e15;
  return name === "Int32" ? size < 1e9 : size >= 1e-4 && size <= 1e7;
}

/** Texts of four characters and more, in both orders of the bytes of a register. */
export function textReadings(address: number, registers: readonly number[]): readonly TextReading[] {
  return [false, true].flatMap((isSwapped) => {
    const bytes = registers.flatMap((register) => {
      const pair = [register >> 8, register & 0xff];
      return isSwapped ? pair.toReversed() : pair;
    });
    const characters = bytes.map((byte) => (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : "\0")).join("");
    return [...characters.matchAll(/[^\0]+/g)]
      .map(({ 0: text, index }) => ({ text, first: index >> 1, last: (index + text.length - 1) >> 1 }))
      .filter(({ text }) => text.trim().length >= shortestText && /\p{L}/u.test(text))
      .map(({ text, first, last }) => ({
        address: address + first,
        registers: last - first + 1,
        text,
        isSwapped,
      }));
  });
}

function rawPoint(type: BuiltInType, width: number, wordOrder: WordOrder): ModbusPoint {
  return {
    key: "",
    description: "",
    unit: "",
    functionCode: 3,
    unitId: 0,
    address: 0,
    width,
    wireType: type,
    type,
    bit: -1,
    wordOrder,
    scale: "1",
    bias: "0",
    location: { file: "", line: 0 },
  };
}
