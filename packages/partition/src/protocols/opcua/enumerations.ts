// The texts of enumerations, as the server tells them of a data type: in its DataTypeDefinition, and where a server of an older edition has none, in
// the properties EnumStrings or EnumValues (OPC 10000-3, 5.8.3 and 8.40).
//
// Promises: only types that are asked for, each once; what the server refuses of one type costs only its texts. Texts of single variables are in
// state-texts.ts.

import { AttributeIds, LocalizedText, TimestampsToReturn } from "node-opcua-client";
import type { DataValue, NodeId } from "node-opcua-client";
import { enumerationText } from "@cpc-partition/image/values/enumeration";
import { isBad } from "@cpc-partition/image/values/status-code";
import { BatchRead } from "./batch-read.ts";
import { findProperties, type WantedProperty } from "./properties.ts";
import type { ReadSize } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";
import { sixtyFourBits } from "./wire-numbers.ts";

const textProperties = ["EnumStrings", "EnumValues"] as const;

/** OPC 10000-3, 8.40 and 8.41; the library shows its classes only as values. */
interface EnumField {
  /** node-opcua's [high, low]. */
  readonly value: unknown;
  readonly displayName: LocalizedText | null;
  readonly name?: string | null;
}
export interface EnumDefinition {
  readonly fields: readonly EnumField[] | null;
}

type Member = readonly [value: number | bigint, text: string];

/** By the text of the type's node id, for those that are enumerations. Rejects with a ServerError when the session can no longer be relied on. */
export async function readEnumerations(
  session: SecureSession,
  types: readonly NodeId[],
  size: ReadSize,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const keep = (type: NodeId | undefined, members: readonly Member[] | undefined): void => {
    if (type !== undefined && members !== undefined) found.set(type.toString(), enumerationText(members));
  };
  const undefinedTypes: NodeId[] = [];
  await read(session, types, AttributeIds.DataTypeDefinition, size, signal, (index, result) => {
    const type = types[index];
    const definition: unknown = result?.value.value;
    if (isOfType<EnumDefinition>(definition, "EnumDefinition")) keep(type, membersOf(definition));
    else if (type !== undefined && (definition === null || definition === undefined)) undefinedTypes.push(type);
  });
  const wanted = undefinedTypes.flatMap((owner) => textProperties.map((name) => ({ owner, name })));
  for (const [type, texts] of await readStateProperties(session, wanted, size, signal)) found.set(type, texts);
  return found;
}

async function read(
  session: SecureSession,
  nodeIds: readonly NodeId[],
  attributeId: AttributeIds,
  size: ReadSize,
  signal: AbortSignal,
  visit: (index: number, result: DataValue | undefined) => void,
): Promise<void> {
  if (nodeIds.length === 0) return;
  const questions = nodeIds.map((nodeId) => ({ nodeId, attributeId }));
  const batches = new BatchRead(session, questions, TimestampsToReturn.Neither, size);
  await batches.run(signal, (index, result) => {
    visit(index, result === undefined || isBad(result.statusCode.value) ? undefined : result);
  });
}

/** By the text of the owner's node id, of those that have these properties. */
export async function readStateProperties(
  session: SecureSession,
  wanted: readonly WantedProperty[],
  size: ReadSize,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const places = await findProperties(session, wanted, signal);
  const present = wanted.flatMap((one, index) => {
    const property = places[index];
    return property === undefined ? [] : [{ ...one, property }];
  });
  const nodeIds = present.map(({ property }) => property);
  const members = new Map<string, readonly Member[]>();
  await read(session, nodeIds, AttributeIds.Value, size, signal, (index, result) => {
    const { owner, name } = present[index] ?? {};
    const listed = name === undefined ? undefined : membersIn(name, result?.value.value);
    if (owner === undefined || listed === undefined) return;
    members.set(owner.toString(), [...(members.get(owner.toString()) ?? []), ...listed]);
  });
  return new Map(Array.from(members, ([owner, own]) => [owner, enumerationText(own)]));
}

/** The texts of a type that its definition tells (image/values/enumeration.ts). */
export function textsOf(definition: EnumDefinition): string {
  return enumerationText(membersOf(definition));
}

function membersOf({ fields }: EnumDefinition): readonly Member[] {
  return (fields ?? []).map(({ value, displayName, name }) => [
    sixtyFourBits(value, true),
    textOf(displayName) || (name ?? ""),
  ]);
}

/** A Boolean is 0 or 1. */
const booleans: Readonly<Record<string, number>> = { FalseState: 0, TrueState: 1 };

/** Of the value of a property: one text, texts for 0, 1, 2, ..., or values with their texts. */
function membersIn(name: string, content: unknown): readonly Member[] | undefined {
  const state = booleans[name];
  if (state !== undefined) return content instanceof LocalizedText ? [[state, textOf(content)]] : undefined;
  if (!Array.isArray(content)) return undefined;
  return content.flatMap((entry: unknown, index): readonly Member[] => {
    if (entry instanceof LocalizedText) return [[index, textOf(entry)]];
    return isOfType<EnumField>(entry, "EnumValueType")
      ? [[sixtyFourBits(entry.value, true), textOf(entry.displayName)]]
      : [];
  });
}

function isOfType<T>(value: unknown, name: string): value is T {
  return (value as { readonly schema?: { readonly name?: unknown } } | null | undefined)?.schema?.name === name;
}

function textOf(text: LocalizedText | null): string {
  return text?.text ?? "";
}
