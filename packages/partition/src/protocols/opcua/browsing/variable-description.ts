// What a server tells of its variables: type, value, unit, description, texts of enumerations and members of structures, read in batches.

import { AttributeIds, DataType, NodeId, TimestampsToReturn } from "node-opcua-client";
import type { DataValue } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import { builtInTypeName, BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { BatchRead } from "../batch-read.ts";
import { readEnumerations } from "../enumerations.ts";
import { distinct, ownTypeOf } from "../node-attributes.ts";
import { ReadSize } from "../read-size.ts";
import type { SecureSession } from "../secure-session.ts";
import { StructureTypes, type StructureMember } from "../structure-types.ts";
import { variantToValue } from "../variant-to-value.ts";
import { longestValue, type BrowseProgress, type Found } from "./browsed-node.ts";
import type { TextRoom } from "./text-room.ts";

const attributes = [AttributeIds.DataType, AttributeIds.ValueRank, AttributeIds.Description, AttributeIds.Value];
const variablesInPiece = 1000;

/** By the text of the type's node id: variables of one type share them. */
type KnownMembers = Map<string, readonly StructureMember[]>;

export async function describeVariables(
  session: SecureSession,
  variables: readonly Found[],
  room: TextRoom,
  signal: AbortSignal,
  progress: BrowseProgress,
): Promise<void> {
  const known: KnownMembers = new Map();
  for (let first = 0; first < variables.length; first += variablesInPiece) {
    const some = variables.slice(first, first + variablesInPiece);
    await describeSome(session, some, known, room, signal);
    progress(Math.min(variables.length, first + variablesInPiece), `reading ${variables.length} variables`);
  }
}

async function describeSome(
  session: SecureSession,
  variables: readonly Found[],
  known: KnownMembers,
  room: TextRoom,
  signal: AbortSignal,
): Promise<void> {
  const questions = variables.flatMap(({ id }) => attributes.map((attributeId) => ({ nodeId: id, attributeId })));
  const withUnits = variables.filter(({ units }) => units !== undefined);
  const units = withUnits.map(({ units: nodeId = NodeId.nullNodeId }) => ({ nodeId, attributeId: AttributeIds.Value }));
  const read = new BatchRead(session, [...questions, ...units], TimestampsToReturn.Neither, new ReadSize(undefined));
  await read.run(signal, (index, result, faultStatus) => {
    const ofUnits = withUnits[index - questions.length];
    if (ofUnits !== undefined) room.take((ofUnits.unit = unitOf(result)));
    const variable = variables[Math.floor(index / attributes.length)];
    if (index >= questions.length || variable === undefined) return;
    if (attributes[index % attributes.length] === AttributeIds.DataType) variable.ownType = ownTypeOf(result);
    const before = variable.description.length;
    setAttribute(variable, attributes[index % attributes.length], result, faultStatus);
    if (variable.description.length > before) room.take(variable.description);
  });
  const types = distinct(variables.map(({ ownType }) => ownType));
  const enumerations = await readEnumerations(session, types, new ReadSize(undefined), signal);
  room.take(...enumerations.values());
  const structures = new StructureTypes();
  await structures.read(session, types, new ReadSize(undefined), signal);
  for (const variable of variables) {
    const type = variable.ownType?.toString() ?? "";
    variable.enumeration = enumerations.get(type);
    if (variable.enumeration !== undefined) variable.dataType = builtInTypeName(BuiltInType.Int32);
    const members = known.get(type) ?? structures.membersOf(variable.ownType);
    if (!known.has(type)) {
      known.set(type, members);
      room.take(...members.map(({ path }) => path));
    }
    variable.members = members;
  }
}

function setAttribute(
  variable: Found,
  attribute: AttributeIds | undefined,
  result: DataValue | undefined,
  faultStatus: number,
): void {
  const status = result?.statusCode.value ?? faultStatus;
  const content: unknown = isBad(status) ? undefined : result?.value.value;
  if (attribute === AttributeIds.Value) {
    variable.status = status >>> 0;
    if (result === undefined || isBad(status)) return;
    const value = variantToValue(result.value);
    if (value === undefined) return;
    const json = valueToJson(value);
    // A long value is not kept, nor the text of which the shown one is a part.
    variable.shown = json.length <= longestValue ? json : Buffer.from(`${json.slice(0, longestValue - 1)}…`).toString();
    variable.value = json.length <= longestValue ? value : undefined;
    // A type of the server's own: what it sends says more.
    if (variable.dataType === "") variable.dataType = builtInTypeName(value.type);
  } else if (attribute === AttributeIds.DataType) variable.dataType = typeNameOf(content);
  else if (attribute === AttributeIds.ValueRank) variable.isArray = typeof content === "number" && content >= 0;
  else if (attribute === AttributeIds.Description) variable.description = textOf(content);
}

/** "" for a type that is no built-in one. */
function typeNameOf(content: unknown): string {
  if (!(content instanceof NodeId) || content.namespace !== 0 || typeof content.value !== "number") return "";
  const { value: number } = content;
  // 24 is BaseDataType, which says nothing.
  const isBuiltIn = number > 0 && number <= BuiltInType.DiagnosticInfo && number !== 24;
  return isBuiltIn ? builtInTypeName(number) : "";
}

export function textOf(content: unknown): string {
  const text = (content as { text?: string | null } | null | undefined)?.text;
  return typeof text === "string" ? text : "";
}

/** EUInformation.displayName. */
function unitOf(result: DataValue | undefined): string {
  if (result === undefined || isBad(result.statusCode.value) || result.value.dataType !== DataType.ExtensionObject)
    return "";
  return textOf((result.value.value as { displayName?: unknown } | null)?.displayName);
}
