// A member of a structure, found by its path. Pure.

import { DataType, VariantArrayType } from "node-opcua-client";
import type { Variant } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import type { Value } from "@cpc-partition/image/values/value";
import { isBroken } from "./channel/whole-structures.ts";
import type { OpcUaMember } from "./configuration/opc-ua-server.ts";
import { fieldType, isOpaque, isStructure, schemasOf } from "./ua-json.ts";
import { scalarOf, variantToValue } from "./variant-to-value.ts";

/** What a step has led to. `type`: of the value, or of its elements. */
interface Found {
  readonly value: unknown;
  readonly type: DataType;
  readonly isArray: boolean;
}

/** Why a structure is not decoded. */
export type UndecodedStatus = (structure: object) => number;

/** The value, or the status that tells why there is none. */
export function memberOf(variant: Variant, { steps }: OpcUaMember, undecodedStatus: UndecodedStatus): Value | number {
  let found = contentOf(variant);
  for (const step of steps) {
    const next = typeof step === "number" ? elementOf(found, step) : fieldOf(found, step, undecodedStatus);
    if (typeof next === "number") return next;
    found = next;
  }
  return valueOf(found, undecodedStatus);
}

function contentOf({ value, dataType, arrayType }: Variant): Found {
  return { value, type: dataType, isArray: arrayType !== VariantArrayType.Scalar };
}

/** What a member of any type holds. */
function opened(found: Found): Found {
  return isVariant(found.value) ? contentOf(found.value) : found;
}

function elementOf(found: Found, index: number): Found | number {
  const { value, type, isArray } = opened(found);
  if (value === null || value === undefined) return StatusCode.BadNoData;
  if (!isArray) return StatusCode.BadTypeMismatch;
  const elements = value as ArrayLike<unknown>;
  if (index >= elements.length) return StatusCode.BadIndexRangeNoData;
  return { value: elements[index], type, isArray: false };
}

function fieldOf(found: Found, name: string, undecodedStatus: UndecodedStatus): Found | number {
  const { value: inside, isArray } = opened(found);
  if (isArray) return StatusCode.BadTypeMismatch;
  if (inside === null || inside === undefined) return StatusCode.BadNoData;
  if (isOpaque(inside)) return undecodedStatus(inside);
  if (!isStructure(inside)) return StatusCode.BadTypeMismatch;
  if (isBroken(inside)) return StatusCode.BadDecodingError;
  const field = schemasOf(inside)
    .flatMap(({ fields }) => fields)
    .find((one) => (one.originalName || one.name) === name);
  if (field === undefined) return StatusCode.BadNoMatch;
  // An optional member that is not there, or one of a union that is another one now.
  const content = (inside as unknown as Readonly<Record<string, unknown>>)[field.name];
  if (content === undefined) return StatusCode.BadNoData;
  const ownType = field.category === "enumeration" ? DataType.Int32 : DataType.ExtensionObject;
  return { value: content, type: fieldType(field) ?? ownType, isArray: field.isArray === true };
}

function valueOf({ value, type, isArray }: Found, undecodedStatus: UndecodedStatus): Value | number {
  if (isVariant(value)) return variantToValue(value) ?? StatusCode.BadDecodingError;
  // A null array has no elements either.
  const elements = isArray ? Array.from((value ?? []) as ArrayLike<unknown>) : [value];
  const undecoded = elements.find(isOpaque);
  if (undecoded !== undefined) return undecodedStatus(undecoded);
  const builtIn = type as number as BuiltInType;
  try {
    const scalars = elements.map((element) => scalarOf(type, element));
    return isArray ? { type: builtIn, value: scalars } : { type: builtIn, value: scalars[0] ?? null };
  } catch {
    return StatusCode.BadDecodingError;
  }
}

function isVariant(value: unknown): value is Variant {
  return typeof value === "object" && value !== null && "dataType" in value && "arrayType" in value;
}
