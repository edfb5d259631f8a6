// Addresses of registers as lists write them: from 0, from 1, or as numbers with a digit for the table before them (40001, 400001).

import type { ReadFunction } from "../protocols/modbus/configuration/modbus-server.ts";
import { functionOfDigit, modbusTables } from "../protocols/modbus/configuration/modbus-tables.ts";
import { decimalOf } from "../configuration/words.ts";
import type { AddressBase, Findings } from "./draft.ts";

export interface WrittenAddress {
  /** As it is written, with its leading zeros: they may be the digit of the coils. */
  readonly digits: string;
  readonly bit: number | undefined;
  /** Of a range "100-101" or an array "100 [4]". */
  readonly quantity: number | undefined;
}

/** "100", "0x64", "100-101", "40101.3", "400101 [4]"; undefined: it is no address. */
export function readAddress(text: string): WrittenAddress | undefined {
  const hexadecimal = decimalOf(text);
  const plain = (hexadecimal === text ? text : hexadecimal).trim();
  const [, digits, bit, last, count] =
    /^(\d{1,6})(?:\.(\d{1,2}))?(?:\s*(?:-|\.\.|…|–|to|bis)\s*(\d{1,6})|\s*\[(\d+)\])?$/.exec(plain) ?? [];
  if (digits === undefined) return undefined;
  const quantity = last === undefined ? count : String(Number(last) - Number(digits) + 1);
  return {
    digits,
    bit: bit === undefined ? undefined : Number(bit),
    quantity: quantity === undefined ? undefined : Number(quantity),
  };
}

/** A number with the digit of its table: 40101 and 400101 are holding register 100. Undefined: it is none. */
export function ofNumber(
  digits: string,
): { readonly functionCode: ReadFunction; readonly address: number } | undefined {
  const functionCode = digits.length >= 5 ? functionOfDigit(digits.charAt(0)) : undefined;
  const number = Number(digits.slice(1));
  return functionCode === undefined || number < 1 || number > 65_536
    ? undefined
    : { functionCode, address: number - 1 };
}

/** What is known of one row before the whole list tells how it counts. */
export interface AddressedRow {
  readonly digits: string;
  /** Undefined: the row does not name it. */
  readonly functionCode: ReadFunction | undefined;
}

/** Programs for tables drop the zeros before the number of a coil: 1 is 00001. */
function ofShortCoil({ digits, functionCode }: AddressedRow): ReturnType<typeof ofNumber> {
  return functionCode === 1 && digits.length < 5 && Number(digits) >= 1
    ? { functionCode, address: Number(digits) - 1 }
    : undefined;
}

/**
 * How a list counts. Only where every address looks like a number of its table, and not only because a coil's could be one, is it taken for one, and
 * that is said.
 */
export function addressing(
  rows: readonly AddressedRow[],
  base: AddressBase,
  findings: Findings,
): (row: AddressedRow) => { readonly functionCode: ReadFunction; readonly address: number } | undefined {
  const looksNumbered = ({ digits, functionCode }: AddressedRow): boolean =>
    functionCode === undefined
      ? ofNumber(digits) !== undefined
      : digits.length >= 5 &&
        digits.startsWith(String(modbusTables[functionCode].digit)) &&
        ofNumber(digits) !== undefined;
  const numbered = rows.filter((row) => looksNumbered(row));
  const fits = (row: AddressedRow): boolean => looksNumbered(row) || ofShortCoil(row) !== undefined;
  const isNumbered = base === "numbers" || (base === "auto" && numbered.length > 0 && rows.every(fits));
  if (isNumbered && base === "auto") {
    const [example] = numbered;
    const address = ofNumber(example?.digits ?? "")?.address;
    findings.note(
      `addresses are numbers with a digit for their table, from 40001 on: ${example?.digits} became ${address}; if the device has them on the wire, use --addresses from0`,
    );
  } else if (base === "auto" && rows.length > 0) {
    const hint =
      numbered.length > 0
        ? `${numbered.length} of ${rows.length} look like numbers with the digit of their table (${numbered[0]?.digits}); if they are, use --addresses numbers`
        : "if the first register of the list is number 1, use --addresses from1";
    findings.note(`addresses were taken as they are, counted from 0; ${hint}`);
  }
  const offset = base === "from1" ? 1 : 0;
  return (row) => {
    if (isNumbered) return ofShortCoil(row) ?? ofNumber(row.digits);
    const { digits, functionCode } = row;
    const address = Number(digits) - offset;
    if (functionCode === undefined || address < 0 || address > 65_535) return undefined;
    return { functionCode, address };
  };
}
