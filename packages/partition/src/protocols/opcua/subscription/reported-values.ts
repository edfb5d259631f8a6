// The last value that each item reported, to hold a Read against it.

import { isDeepStrictEqual } from "node:util";
import { DataType, VariantArrayType } from "node-opcua-client";
import type { DataValue, Variant } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import type { Value } from "@cpc-partition/image/values/value";
import type { OpcUaItem } from "../configuration/opc-ua-server.ts";
import { variantToValue } from "../variant-to-value.ts";

/** The code without what it says of the queue. */
const codeShift = 16;

export class ReportedValues {
  /** A number where it is one: most values are. */
  readonly #values: (number | Variant | undefined)[];
  readonly #codes: Uint16Array;

  constructor(count: number) {
    this.#values = Array.from({ length: count });
    this.#codes = new Uint16Array(count);
  }

  set(index: number, { value, statusCode }: DataValue): void {
    this.#codes[index] = statusCode.value >>> codeShift;
    this.#values[index] = numberIn(value) ?? value;
  }

  /** Whether a Read shows nothing that the server should have reported. */
  agrees(index: number, read: DataValue, { deadband, trigger }: OpcUaItem): boolean {
    if (this.#codes[index] !== read.statusCode.value >>> codeShift) return false;
    if (trigger === "Status" || isBad(read.statusCode.value)) return true;
    const last = this.#values[index];
    const now = numberIn(read.value);
    if (typeof last === "number" && now !== undefined) {
      // Only the server knows the range of a percentage.
      const isBelow = deadband.kind === "Absolute" ? Math.abs(now - last) <= deadband.value : deadband.value > 0;
      return isBelow || Object.is(now, last);
    }
    if (last === undefined || typeof last === "number") return false;
    const [before, after] = [variantToValue(last), variantToValue(read.value)];
    return isDeepStrictEqual(before, after) || isWithin(deadband, before, after);
  }
}

/** 64-bit integers, and arrays of numbers element by element. Only the server knows the range of a percentage. */
function isWithin({ kind, value: most }: OpcUaItem["deadband"], before?: Value, after?: Value): boolean {
  if (most <= 0 || before?.type !== after?.type) return false;
  const [last, now] = [numbersIn(before), numbersIn(after)];
  if (last === undefined || now?.length !== last.length) return false;
  return kind !== "Absolute" || last.every((one, index) => Math.abs((now[index] ?? Number.NaN) - one) <= most);
}

function numbersIn(value: Value | undefined): readonly number[] | undefined {
  const elements: readonly unknown[] = Array.isArray(value?.value) ? value.value : [value?.value];
  const isNumeric = elements.every((element) => typeof element === "number" || typeof element === "bigint");
  return isNumeric ? elements.map(Number) : undefined;
}

function numberIn({ dataType, arrayType, value }: Variant): number | undefined {
  const isNumber =
    (dataType >= DataType.SByte && dataType <= DataType.UInt32) ||
    dataType === DataType.Float ||
    dataType === DataType.Double;
  return isNumber && arrayType === VariantArrayType.Scalar ? (value as number) : undefined;
}
