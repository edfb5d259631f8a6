// The four tables of a Modbus device by the function that reads them: their names, and their numbers in manuals.
//
// Manuals count from 1 and put the table before the number: 40001 is the first holding register (MODBUS Application Protocol V1.1b3 has no such
// numbers; they are of the Modicon controllers).

import type { ReadFunction } from "./modbus-server.ts";

interface ModbusTable {
  readonly one: string;
  readonly many: string;
  /** Before the number in manuals. */
  readonly digit: number;
}

const readFunctions: readonly ReadFunction[] = [1, 2, 3, 4];

export const modbusTables: Readonly<Record<ReadFunction, ModbusTable>> = {
  1: { one: "coil", many: "coils", digit: 0 },
  2: { one: "discrete input", many: "discrete inputs", digit: 1 },
  3: { one: "holding register", many: "holding registers", digit: 4 },
  4: { one: "input register", many: "input registers", digit: 3 },
};

/** Which table a manual means by the digit before a number. */
export function functionOfDigit(digit: string): ReadFunction | undefined {
  return readFunctions.find((code) => String(modbusTables[code].digit) === digit);
}

/** What a manual that says this number means; undefined: no manual does. Of coils the number alone does not tell. */
export function addressOfManualNumber(functionCode: ReadFunction, number: number): number | undefined {
  const { digit } = modbusTables[functionCode];
  const isManual = digit > 0 && number > digit * 10_000 && number < (digit + 1) * 10_000;
  return isManual ? number - digit * 10_000 - 1 : undefined;
}
