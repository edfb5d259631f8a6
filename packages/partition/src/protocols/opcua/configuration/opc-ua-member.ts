// `<member>` of a node: a member of the structure that is the node's value, as a point of its own. Its path leads there from the value: names with
// dots between them, and indices of arrays in brackets, "Drive.Phases[2].Current".

import { BuiltInType, builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import type { Fields } from "../../../configuration/fields.ts";
import { quote } from "../../../configuration/problem.ts";
import type { OpcUaMember, OpcUaNode } from "./opc-ua-server.ts";

/** How a type name of the file is read, and how much room its values get. */
export interface MemberTypes {
  typeOf(datatype: string): BuiltInType;
  capacityBytesOf(type: BuiltInType): number;
}

/** `owner`: the node that has the structure, and `index` its place in the server. */
export function readMembers(fields: Fields, owner: OpcUaNode, index: number, types: MemberTypes): readonly OpcUaNode[] {
  const lines = new Map<string, number>();
  return fields.list("member").flatMap((member): readonly OpcUaNode[] => {
    const path = member.name("path");
    if (path === undefined) return [];
    const line = member.lineOf("path");
    const first = lines.get(path);
    if (first !== undefined) {
      fields.findings.error(
        line,
        `<path> ${quote(path)} is the same member as in line ${first}; remove one of the two`,
      );
      return [];
    }
    lines.set(path, line);
    return [memberNode(member, owner, { owner: index, path, steps: stepsOf(path) }, types)];
  });
}

/** A node of a type that has no members is a mistake. */
export function checkHasMembers(fields: Fields, type: BuiltInType): void {
  const member = fields.list("member")[0];
  const { Null, ExtensionObject, Variant } = BuiltInType;
  const mayHaveMembers = type === Null || type === ExtensionObject || type === Variant;
  if (member === undefined || mayHaveMembers) return;
  const remedy = "remove <member>, or write ExtensionObject in <datatype>";
  fields.findings.error(member.element.line, `a ${builtInTypeName(type)} has no members; ${remedy}`);
}

/** What a name of the owner becomes for its member: "Motor.Speed", "Motors[0].Speed". */
export function memberName(owner: string, path: string): string {
  return path.startsWith("[") ? `${owner}${path}` : `${owner}.${path}`;
}

/** The form is the grammar's. */
function stepsOf(path: string): OpcUaMember["steps"] {
  return Array.from(path.matchAll(/\[(\d+)\]|[^.[\]]+/g), ([name, index]) =>
    index === undefined ? name : Number(index),
  );
}

function memberNode(fields: Fields, owner: OpcUaNode, member: OpcUaMember, types: MemberTypes): OpcUaNode {
  const type = types.typeOf(fields.token("datatype") ?? "");
  return {
    ...owner,
    displayName: memberName(owner.displayName, member.path),
    browseName: owner.browseName === undefined ? undefined : memberName(owner.browseName, member.path),
    type,
    description: fields.text("description") ?? "",
    unit: fields.name("engineeringUnit") ?? "",
    capacityBytes: fields.number("capacity") ?? types.capacityBytesOf(type),
    member,
    location: { file: fields.findings.file, line: fields.element.line },
  };
}
