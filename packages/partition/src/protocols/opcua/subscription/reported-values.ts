// The last value that each item reported, to hold a Read against it.

import { isDeepStrictEqual } from "node:util";
import { DataType, VariantArrayType } from "node-opcua-client";
import type { DataValue, Variant } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import type { Value } from "@cpc-partition/image/values/value";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { DataValues, PlainValue } from "../channel/data-values.ts";
import type { OpcUaItem } from "../configuration/opc-ua-server.ts";
import { scalarOf, variantToValue } from "../variant-to-value.ts";

/** The code without what it says of the queue. */
const codeShift = 16;

/** Null: it has no value. */
type Plain = number | bigint | string | boolean | null;

export class ReportedValues {
  /** What is in a Variant, where it is a scalar: most values are. */
  readonly #values: (Plain | Variant | undefined)[];
  readonly #codes: Uint16Array;

  constructor(count: number) {
    this.#values = Array.from({ length: count });
    this.#codes = new Uint16Array(count);
  }

  /** The status that was reported. */
  set(index: number, values: DataValues, position: number): number {
    const plain = values.plain(position);
    const decoded = plain === undefined ? values.at(position) : undefined;
    const status = plain?.status ?? (decoded?.statusCode.value ?? 0) >>> 0;
    this.#codes[index] = status >>> codeShift;
    this.#values[index] = plain === undefined ? withoutMessage(decoded?.value) : contentOf(plain);
    return status;
  }

  /** Whether a Read shows nothing that the server should have reported. */
  agrees(index: number, read: DataValue, { deadband, trigger }: OpcUaItem): boolean {
    if (this.#codes[index] !== read.statusCode.value >>> codeShift) return false;
    if (trigger === "Status" || isBad(read.statusCode.value)) return true;
    const last = this.#values[index];
    const now = plainIn(read.value);
    if (isNumeric(last) && isNumeric(now)) {
      const away = Math.abs(Number(now) - Number(last));
      // Only the server knows the range of a percentage.
      const isBelow = deadband.value > 0 && (deadband.kind === "Percent" || away <= deadband.value);
      return isBelow || now === last || Object.is(now, last);
    }
    if (typeof last !== "object" || last === null) return last !== undefined && now === last;
    const [before, after] = [variantToValue(last), variantToValue(read.value)];
    return isDeepStrictEqual(before, after) || isWithin(deadband, before, after);
  }
}

/** Arrays of numbers and bytes come as views of their message, which is thousands of times as large, and an item may not report again for years. */
function withoutMessage(variant: Variant | undefined): Variant | undefined {
  if (variant !== undefined) variant.value = copyOfViews(variant.value);
  return variant;
}

function copyOfViews(value: unknown): unknown {
  // Not its own `slice`: that of a Buffer is a view again.
  if (ArrayBuffer.isView(value)) return Uint8Array.prototype.slice.call(value);
  return Array.isArray(value) && value.some((one) => ArrayBuffer.isView(one)) ? value.map(copyOfViews) : value;
}

function contentOf({ type, number, other }: PlainValue): Plain {
  if (type === BuiltInType.Null) return null;
  if (other !== undefined) return other;
  return type === BuiltInType.Boolean ? number !== 0 : number;
}

/** Arrays of numbers, element by element. Only the server knows the range of a percentage. */
function isWithin({ kind, value: most }: OpcUaItem["deadband"], before?: Value, after?: Value): boolean {
  if (most <= 0 || before?.type !== after?.type) return false;
  const [last, now] = [numbersIn(before), numbersIn(after)];
  if (last === undefined || now?.length !== last.length) return false;
  return kind !== "Absolute" || last.every((one, index) => Math.abs((now[index] ?? Number.NaN) - one) <= most);
}

function numbersIn(value: Value | undefined): readonly number[] | undefined {
  const elements: readonly unknown[] = Array.isArray(value?.value) ? value.value : [value?.value];
  return elements.every(isNumeric) ? elements.map(Number) : undefined;
}

/** Undefined: it is none. */
function plainIn({ dataType, arrayType, value }: Variant): Plain | undefined {
  if (arrayType !== VariantArrayType.Scalar) return undefined;
  const isPlain = dataType <= DataType.DateTime || dataType === DataType.StatusCode;
  return isPlain ? (scalarOf(dataType, value) as Plain) : undefined;
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
