// Which built-in type the values of a data type have, as far as its node id tells.

import { NodeId } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";

/** OPC 10000-5: what stands for every type. */
export const baseDataType = 24;

/** Data types of namespace 0 that are other names of a built-in type (OPC 10000-5, 12 and OPC 10000-3, 8). */
const aliases: ReadonlyMap<number, BuiltInType> = new Map([
  [29, BuiltInType.Int32], // Enumeration
  [30, BuiltInType.ByteString], // Image
  [288, BuiltInType.UInt32], // IntegerId
  [289, BuiltInType.UInt32], // Counter
  [290, BuiltInType.Double], // Duration
  [291, BuiltInType.String], // NumericRange
  [294, BuiltInType.DateTime], // UtcTime
  [295, BuiltInType.String], // LocaleId
]);

/** Null for every other type, and for what is no node id. */
export function builtInTypeOfId(nodeId: unknown): BuiltInType {
  if (!(nodeId instanceof NodeId) || nodeId.namespace !== 0 || typeof nodeId.value !== "number")
    return BuiltInType.Null;
  if (nodeId.value > 0 && nodeId.value < baseDataType) return nodeId.value as BuiltInType;
  return aliases.get(nodeId.value) ?? BuiltInType.Null;
}
