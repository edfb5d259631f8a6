// `<IndexRange>` of a node: which part of its value is asked for (NumericRange, OPC 10000-4, 7.27). "3" is one element, "0:9" are ten, and
// "0:1,2" has a part for each dimension of a matrix.

import type { Fields } from "../../../configuration/fields.ts";
import { quote } from "../../../configuration/problem.ts";

/** Lengths of arrays are Int32 on the wire (OPC 10000-6, 5.2.5). */
const largestIndex = 0x7fff_fffe;

/** Undefined when there is none, or it cannot be used for the reason left in the findings. */
export function readIndexRange(fields: Fields): string | undefined {
  const text = fields.token("IndexRange");
  if (text === undefined) return undefined;
  const dimensions = boundsOf(text);
  const isTooLarge = dimensions.some(([low, high = low]) => Math.max(low, high) > largestIndex);
  const isBackward = dimensions.some(([low, high]) => high !== undefined && low >= high);
  if (!isTooLarge && !isBackward) return text;
  const allowed = isTooLarge
    ? `an index is ${largestIndex} at most`
    : "the second index of a range must be larger than the first; for one element write its index alone";
  fields.findings.error(fields.lineOf("IndexRange"), `<IndexRange> is ${quote(text)}; ${allowed}`);
  return undefined;
}

/** Elements that a value of this range has at most; of a text, characters, and of a byte string, bytes. */
export function mostElementsOf(indexRange: string): number {
  return boundsOf(indexRange).reduce((product, [low, high]) => product * ((high ?? low) - low + 1), 1);
}

export function dimensionsOf(indexRange: string): number {
  return boundsOf(indexRange).length;
}

function boundsOf(indexRange: string): readonly (readonly [low: number, high?: number])[] {
  return indexRange.split(",").map((part) => {
    const [low = "", high] = part.split(":");
    return high === undefined ? [Number(low)] : [Number(low), Number(high)];
  });
}
