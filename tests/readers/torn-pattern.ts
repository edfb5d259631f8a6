// A poll that shows by itself whether it is whole: all of its values follow from the first.

import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { BankReader } from "../../packages/image/src/bank-reader.ts";
import type { GroupBlock } from "../../packages/image/src/group-block.ts";

/** Rounds begin with 1: before the first one all values are 0. */
export function setPattern(block: GroupBlock, round: number): void {
  const { length } = block.points;
  for (let index = 0; index < length; index++) block.setNumber(index, BuiltInType.Double, round + index);
}

export function isWhole(bank: BankReader): boolean {
  const first = bank.number(0, BuiltInType.Double);
  const step = first === 0 ? 0 : 1;
  const { length } = bank.points;
  for (let index = 1; index < length; index++) {
    if (bank.number(index, BuiltInType.Double) !== first + index * step) return false;
  }
  return true;
}
