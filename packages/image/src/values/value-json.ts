// A value as the document shows it: the OPC UA JSON encoding (OPC 10000-6, 5.4), with 64-bit integers as plain numbers.
// This is the general way; document-renderer.ts writes numbers without it.

import { BuiltInType } from "./built-in-type.ts";
import { doubleToJson, type NonFinite } from "./double-json.ts";
import type { Scalar, Value } from "./value.ts";

const ticksPerSecond = 10_000_000n;
/** 100 ns ticks from 1601-01-01 to 1970-01-01. */
const unixEpochTicks = 116_444_736_000_000_000n;
/** 9999-12-31T23:59:59Z, the last second that the JSON encoding knows (5.4.2.6). */
const lastTicks = 2_650_467_743_990_000_000n;

export function valueToJson(value: Value, nonFinite: NonFinite = "strings"): string {
  const content = value.value;
  if (!Array.isArray(content)) return scalarToJson(value.type, content as Scalar, nonFinite);
  const elements = (content as readonly Scalar[]).map((element) => scalarToJson(value.type, element, nonFinite));
  return nest(elements, dimensionsOf(value.dimensions ?? [], elements.length));
}

/** Dimensions come from servers: those that do not multiply up to the elements there are would make rows without end. */
function dimensionsOf(dimensions: readonly number[], elements: number): readonly number[] {
  const product = dimensions.reduce((before, size) => before * size, 1);
  return elements > 0 && product === elements ? dimensions : [elements];
}

function scalarToJson(type: BuiltInType, value: Scalar, nonFinite: NonFinite): string {
  if (value === null) return "null";
  switch (type) {
    case BuiltInType.Float:
    case BuiltInType.Double:
      return doubleToJson(value as number, nonFinite);
    case BuiltInType.DateTime:
      return `"${ticksToIso(value as bigint)}"`;
    case BuiltInType.ByteString:
      return `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    case BuiltInType.String:
    case BuiltInType.XmlElement:
    case BuiltInType.Guid:
      return JSON.stringify(value);
    default: // Boolean, integers, and the nested types, whose value is JSON already
      return String(value);
  }
}

function ticksToIso(ticks: bigint): string {
  if (ticks <= 0n) return "0001-01-01T00:00:00Z";
  if (ticks >= lastTicks) return "9999-12-31T23:59:59Z";
  const sinceEpoch = ticks - unixEpochTicks;
  const fraction = ((sinceEpoch % ticksPerSecond) + ticksPerSecond) % ticksPerSecond;
  const seconds = (sinceEpoch - fraction) / ticksPerSecond;
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === 0n ? `${date}Z` : `${date}.${fraction.toString().padStart(7, "0").replace(/0+$/, "")}Z`;
}

/** Row-major elements as nested arrays. */
function nest(elements: readonly string[], dimensions: readonly number[]): string {
  const [size = 0, ...inner] = dimensions;
  if (inner.length === 0) return `[${elements.join(",")}]`;
  const stride = inner.reduce((product, n) => product * n, 1);
  const rows = Array.from({ length: size }, (_, row) => nest(elements.slice(row * stride, (row + 1) * stride), inner));
  return `[${rows.join(",")}]`;
}
