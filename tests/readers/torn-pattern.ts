// A poll that shows by itself whether it is whole: all of its values follow from the first.

import { BuiltInType } from "../../src/point/built-in-type.ts";
import type { BankReader } from "../../src/process-image/bank-reader.ts";
import type { ServerBlock } from "../../src/process-image/server-block.ts";

export const patternPoints = 200;

export function setPattern(block: ServerBlock, round: number): void {
  for (let index = 0; index < patternPoints; index++) block.setNumber(index, BuiltInType.Double, round + index);
}

export function isWhole(bank: BankReader): boolean {
  const first = bank.number(0, BuiltInType.Double);
  for (let index = 1; index < patternPoints; index++) {
    if (bank.number(index, BuiltInType.Double) !== first + index) return false;
  }
  return true;
}
