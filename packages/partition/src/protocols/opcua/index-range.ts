// What is asked for of a node: its value, or the part of it that the configuration names. And whether an answer is that part: a server that does
// not know ranges may send the whole value, in which element 0 is not the one that was meant.
//
// node-opcua writes the index of one element of a matrix as a range from it to itself, which OPC 10000-4, 7.27 forbids, and knows two
// dimensions at most; what is configured is sent as it is. tests/partition/protocols/opcua/index-range.test.ts fails when the library changes underneath.

import { AttributeIds, ReadValueId } from "node-opcua-client";
import type { NodeId, ReadValueIdOptions, Variant } from "node-opcua-client";
import { mostElementsOf } from "./configuration/opc-ua-index-range.ts";
import type { OpcUaNode } from "./configuration/opc-ua-server.ts";

type Range = NonNullable<ReadValueIdOptions["indexRange"]>;

/** The library's packages show the class only as a field. */
function verbatimRange(text: string): Range {
  const { indexRange } = new ReadValueId({ indexRange: text as unknown as Range });
  indexRange.toEncodeableString = () => text;
  return indexRange;
}

export function valueToRead(nodeId: NodeId, { indexRange }: OpcUaNode): ReadValueIdOptions {
  const value = { nodeId, attributeId: AttributeIds.Value };
  return indexRange === undefined ? value : { ...value, indexRange: verbatimRange(indexRange) };
}

/** False for more elements, characters or bytes than the range has. */
export function isWithinRange({ value }: Variant, indexRange: string): boolean {
  if (value === null || value === undefined) return true;
  const { length } = value as { readonly length?: unknown };
  return typeof length === "number" && length <= mostElementsOf(indexRange);
}
