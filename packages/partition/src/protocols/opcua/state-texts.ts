// The texts of variables that have their own, beside those whose data type is an enumeration (OPC 10000-8, 5.3.3): TrueState and FalseState of a
// TwoStateDiscreteType, EnumStrings of a MultiStateDiscreteType, EnumValues of a MultiStateValueDiscreteType.
//
// Promises: only variables whose type may have them are asked about, one small request at a time with a pause behind it, so that neither the
// server nor the polls notice. What the server refuses of one variable costs only its texts.

import { setTimeout as pause } from "node:timers/promises";
import type { NodeId } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { readStateProperties } from "./enumerations.ts";
import type { NodeAttributes } from "./node-attributes.ts";
import { mostPathsInRequest, type WantedProperty } from "./properties.ts";
import type { ReadSize } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";

const pauseMs = 50;

/** OPC 10000-5: Number, Integer and UInteger stand for every type of numbers. */
const [firstAbstractNumber, lastAbstractNumber] = [26, 28];

interface Variable {
  readonly index: number;
  readonly nodeId: NodeId;
  readonly names: readonly string[];
}

/** By the index of the node. Rejects with a ServerError when the session can no longer be relied on, and when the signal aborts. */
export async function readStateTexts(
  session: SecureSession,
  attributes: readonly NodeAttributes[],
  size: ReadSize,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const texts = new Map<number, string>();
  const variables = variablesOf(attributes);
  const step = mostPathsInRequest / 2;
  for (let first = 0; first < variables.length; first += step) {
    if (first > 0) await pause(pauseMs, undefined, { signal, ref: false });
    const some = variables.slice(first, first + step);
    const wanted = some.flatMap(({ nodeId, names }) => names.map((name): WantedProperty => ({ owner: nodeId, name })));
    const found = await readStateProperties(session, wanted, size, signal);
    for (const { index, nodeId } of some) {
      const text = found.get(nodeId.toString());
      if (text !== undefined && text !== "") texts.set(index, text);
    }
  }
  return texts;
}

function variablesOf(attributes: readonly NodeAttributes[]): readonly Variable[] {
  return attributes.flatMap((node, index) => {
    const { nodeId, enumeration, isReported } = node;
    const names = propertiesOf(node);
    const isAsked = isReported && nodeId !== undefined && enumeration === undefined && names.length > 0;
    return isAsked ? [{ index, nodeId, names }] : [];
  });
}

function propertiesOf({ type, ownType }: NodeAttributes): readonly string[] {
  if (type === BuiltInType.Boolean) return ["FalseState", "TrueState"];
  const isInteger = type >= BuiltInType.SByte && type <= BuiltInType.UInt64;
  const { namespace, value } = ownType ?? { namespace: -1, value: -1 };
  const isAbstract = namespace === 0 && Number(value) >= firstAbstractNumber && Number(value) <= lastAbstractNumber;
  return isInteger || isAbstract ? ["EnumStrings", "EnumValues"] : [];
}
