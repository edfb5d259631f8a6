// What members the structures of a server have, as it tells in the DataTypeDefinition of their types (OPC 10000-3, 8.48 to 8.51). For people who choose members;
// values are decoded with the library's own view of the types.
//
// Promises: each type is read once, types of types too, within a bound. A type that the server does not tell is a member without a known type.

import { AttributeIds, TimestampsToReturn } from "node-opcua-client";
import type { NodeId } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad } from "@cpc-partition/image/values/status-code";
import { BatchRead } from "./batch-read.ts";
import { builtInTypeOfId } from "./built-in-types.ts";
import { textsOf, type EnumDefinition } from "./enumerations.ts";
import type { ReadSize } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";

const mostTypes = 1000;
const deepest = 10;
const mostMembers = 500;

interface Field {
  readonly name: string | null;
  readonly dataType: NodeId;
  readonly valueRank: number;
}
type Definition =
  | { readonly is: "structure"; readonly fields: readonly Field[] }
  | { readonly is: "enumeration"; readonly texts: string };

/** A member that is no structure itself. */
export interface StructureMember {
  readonly path: string;
  /** Null: the server does not tell. */
  readonly type: BuiltInType;
  readonly isArray: boolean;
  /** An array of structures: its elements have members, and how many there are, the type does not tell. */
  readonly hasMembers: boolean;
}

export interface MemberType {
  /** Null: the server does not tell. */
  readonly type: BuiltInType;
  readonly isArray: boolean;
  /** The texts of its values, where its type is an enumeration. */
  readonly enumeration?: string;
}

export class StructureTypes {
  readonly #definitions = new Map<string, Definition>();

  /** Of these types and the types of their members. Rejects with a ServerError when the session can no longer be relied on. */
  async read(session: SecureSession, types: readonly NodeId[], size: ReadSize, signal: AbortSignal): Promise<void> {
    const asked = new Set(this.#definitions.keys());
    for (let next = types; next.length > 0;) {
      const unread = next.filter((type) => asked.size < mostTypes && asked.size !== asked.add(type.toString()).size);
      next = unread.length === 0 ? [] : await this.#readSome(session, unread, size, signal);
    }
  }

  /** The same for the same types. */
  get fingerprint(): string {
    return JSON.stringify([...this.#definitions]);
  }

  /** In the order of the type; none for what is no structure. */
  membersOf(type: NodeId | undefined): readonly StructureMember[] {
    const members: StructureMember[] = [];
    if (type !== undefined) this.#collect(type, "", 0, members);
    return members;
  }

  /** What the path of a member leads to; undefined: the server does not tell. */
  at(type: NodeId, steps: readonly (string | number)[]): MemberType | undefined {
    let dataType = type;
    let isArray = false;
    for (const step of steps) {
      if (typeof step === "number") {
        isArray = false;
        continue;
      }
      const definition = this.#definitions.get(dataType.toString());
      const field = definition?.is === "structure" ? definition.fields.find(({ name }) => name === step) : undefined;
      if (field === undefined) return undefined;
      ({ dataType } = field);
      isArray = field.valueRank >= 0;
    }
    const definition = this.#definitions.get(dataType.toString());
    if (definition?.is === "structure") return { type: BuiltInType.ExtensionObject, isArray };
    if (definition?.is === "enumeration") return { type: BuiltInType.Int32, isArray, enumeration: definition.texts };
    return { type: builtInTypeOfId(dataType), isArray };
  }

  /** Gives the types of the members. */
  async #readSome(
    session: SecureSession,
    types: readonly NodeId[],
    size: ReadSize,
    signal: AbortSignal,
  ): Promise<readonly NodeId[]> {
    const found: NodeId[] = [];
    const questions = types.map((nodeId) => ({ nodeId, attributeId: AttributeIds.DataTypeDefinition }));
    await new BatchRead(session, questions, TimestampsToReturn.Neither, size).run(signal, (index, result) => {
      if (result === undefined || isBad(result.statusCode.value)) return;
      const definition = definitionOf(result.value.value);
      const type = types[index];
      if (definition === undefined || type === undefined) return;
      this.#definitions.set(type.toString(), definition);
      if (definition.is === "structure") found.push(...definition.fields.map(({ dataType }) => dataType));
    });
    return found.filter((type) => builtInTypeOfId(type) === BuiltInType.Null);
  }

  #collect(type: NodeId, prefix: string, depth: number, members: StructureMember[]): void {
    const definition = this.#definitions.get(type.toString());
    if (definition?.is !== "structure" || depth > deepest) return;
    for (const { name, dataType, valueRank } of definition.fields) {
      // A path has no other way to write them.
      if (name === null || name === "" || /[.[\]]/.test(name) || members.length >= mostMembers) continue;
      const path = `${prefix}${name}`;
      const own = this.#definitions.get(dataType.toString());
      const isArray = valueRank >= 0;
      if (own?.is === "structure" && !isArray) this.#collect(dataType, `${path}.`, depth + 1, members);
      else {
        const builtIn = own?.is === "enumeration" ? BuiltInType.Int32 : builtInTypeOfId(dataType);
        members.push({ path, type: builtIn, isArray, hasMembers: own?.is === "structure" });
      }
    }
  }
}

/** The library shows its classes only as values. */
function definitionOf(content: unknown): Definition | undefined {
  const { schema, fields } = (content ?? {}) as { schema?: { name?: unknown }; fields?: readonly Field[] | null };
  if (schema?.name === "StructureDefinition") return { is: "structure", fields: fields ?? [] };
  return schema?.name === "EnumDefinition"
    ? { is: "enumeration", texts: textsOf(content as EnumDefinition) }
    : undefined;
}
