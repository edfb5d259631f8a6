// One `<node>` of the OPC UA file: its node id, and the room that its values need.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { OpcUaNode } from "./opc-ua-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { readIntervalOf, readItemOf, type Acquisition } from "./opc-ua-acquisition.ts";
import { dimensionsOf, mostElementsOf, readIndexRange } from "./opc-ua-index-range.ts";
import { checkHasMembers, readMembers } from "./opc-ua-member.ts";
import { controlCharacterIn, quote } from "../../../configuration/problem.ts";
import { dataTypeNames, decimalOf, fold, recognise } from "../../../configuration/words.ts";

type Identifier = OpcUaNode["identifier"];

// RFC 4648, 4.
const base64 = /^([A-Za-z\d+/]{4})*([A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/;

const largestNumericIdentifier = 0xffff_ffff;

/**
 * The node at this place in its server, and behind it the members of its structure; none when it is a folder, or cannot be read for the reason
 * left in the findings.
 */
export function readNode(fields: Fields, acquisition: Acquisition | undefined, index: number): readonly OpcUaNode[] {
  if (fold(fields.token("datatype") ?? "") === "object") {
    readIdentity(fields);
    return [];
  }
  const { node, isSound } = readOneNode(fields, acquisition);
  const types = { typeOf: builtInType, capacityBytesOf: defaultCapacityBytes };
  const members = readMembers(fields, node, index, types);
  return isSound ? [node, ...members] : [];
}

function readIdentity(fields: Fields) {
  return {
    displayName: fields.name("DisplayName"),
    namespace: readNamespace(fields),
    identifier: readIdentifier(fields),
    browseName: readBrowseName(fields),
  };
}

/** What is wrong in one element hides nothing in the others, so something stands in its place. */
function readOneNode(
  fields: Fields,
  acquisition: Acquisition | undefined,
): { readonly node: OpcUaNode; readonly isSound: boolean } {
  const datatype = fields.token("datatype") ?? "";
  const given = readIdentity(fields);
  const { displayName = "", namespace = { index: 0 }, identifier = { type: "Numeric", value: 0 }, browseName } = given;
  const isSound = ![given.displayName, given.namespace, given.identifier].includes(undefined);
  const named = builtInType(datatype);
  checkHasMembers(fields, named);
  const type = fields.has("member") && named === BuiltInType.Null ? BuiltInType.ExtensionObject : named;
  const item = readItemOf(fields, type, acquisition);
  const indexRange = readIndexRange(fields);
  const node: OpcUaNode = {
    displayName,
    browseName,
    namespace,
    identifier,
    ...(indexRange === undefined ? {} : { indexRange }),
    type,
    description: fields.text("description") ?? "",
    unit: fields.name("engineeringUnit") ?? "",
    capacityBytes: fields.number("capacity") ?? defaultCapacityBytes(type, indexRange),
    intervalMs: readIntervalOf(fields, item, acquisition),
    ...(item === undefined ? {} : { item }),
    location: { file: fields.findings.file, line: fields.element.line },
  };
  return { node, isSound };
}

const typeNames = Object.keys(BuiltInType);

/** Null for every other type, and for a name that could mean two. */
function builtInType(datatype: string): BuiltInType {
  const recognised = recognise(datatype, typeNames, dataTypeNames);
  return "word" in recognised ? BuiltInType[recognised.word as keyof typeof BuiltInType] : BuiltInType.Null;
}

function readNamespace(fields: Fields): OpcUaNode["namespace"] | undefined {
  const uri = fields.token("NamespaceUri");
  if (uri !== undefined) return { uri };
  const index = fields.number("NamespaceIndex");
  return index === undefined ? undefined : { index };
}

// OPC 10000-3, 8.3: a name has 512 characters at most. Its text form is `2:Level`; the index may be left out where no name is meant that looks like that.
const qualifiedName = /^(?:(\d+):|(?!\d+:))(.{1,512})$/su;

/** The whole key that the node is to have. */
function readBrowseName(fields: Fields): string | undefined {
  const text = fields.name("BrowseName");
  if (text === undefined) return undefined;
  const [, index = fields.token("NamespaceIndex"), name] = qualifiedName.exec(text) ?? [];
  const line = fields.lineOf("BrowseName");
  if (name === undefined || Number(index ?? 0) > 65_535) {
    const allowed = "a name of 1 to 512 characters, with or without its namespace index before it, for example 2:Level";
    fields.findings.error(line, `<BrowseName> is ${quote(text)}; it must be ${allowed}`);
    return undefined;
  }
  if (index === undefined) {
    if (!fields.has("NamespaceUri")) return undefined;
    const reason = "with <NamespaceUri> only the server knows the index that belongs into the key";
    fields.findings.error(
      line,
      `<BrowseName> is ${quote(text)} without a namespace index; ${reason}: write it before the name, for example 2:${name}`,
    );
    return undefined;
  }
  return `${Number(index)}:${name}`;
}

/** OPC 10000-6, 5.1.12: the four kinds of identifiers and their text forms. */
function readIdentifier(fields: Fields): Identifier | undefined {
  const type = fields.token("IdentifierType");
  const text = fields.text("Identifier");
  if (type === undefined || text === undefined) return undefined;
  switch (type) {
    case "Numeric": {
      const value = decimalOf(text).trim();
      if (/^\d+$/.test(value) && Number(value) <= largestNumericIdentifier) return { type, value: Number(value) };
      return refuse(fields, type, text, `a whole number from 0 to ${largestNumericIdentifier}`);
    }
    case "Guid": {
      const value = text.trim().toUpperCase();
      if (/^[\dA-F]{8}(-[\dA-F]{4}){3}-[\dA-F]{12}$/.test(value)) return { type, value };
      return refuse(fields, type, text, "a GUID such as 72962B91-FA75-4AE6-8D28-B404DC7DAF63");
    }
    case "Opaque": {
      const value = text.replaceAll(/\s/g, "");
      if (base64.test(value)) return { type, value };
      return refuse(fields, type, text, "base64 such as M/RbKBsRVkePCePcx24oRA==");
    }
    default:
      return readText(fields, text);
  }
}

/** As written, because the server compares every character. */
function readText(fields: Fields, text: string): Identifier | undefined {
  const line = fields.lineOf("Identifier");
  const control = controlCharacterIn(text);
  if (control !== undefined) {
    fields.findings.error(
      line,
      `<Identifier> is ${quote(text)}: ${control}, and the server would find no such node; remove it`,
    );
    return undefined;
  }
  const parts = partsOfNodeId(text);
  if (parts !== undefined) {
    const message = `<Identifier> is ${quote(text)}, which looks like a whole node id; if it is one, write ${parts}`;
    fields.findings.warn(line, message);
  } else if (text !== text.trim()) {
    const message = `<Identifier> is ${quote(text)}: the spaces at its start or end stay part of it; remove them unless the server has them`;
    fields.findings.warn(line, message);
  }
  return { type: "String", value: text };
}

const typesByLetter: Readonly<Record<string, string>> = { i: "Numeric", s: "String", g: "Guid", b: "Opaque" };

/** The elements to write for a node id in the text form of OPC 10000-6, 5.1.12; undefined for any other text. */
function partsOfNodeId(text: string): string | undefined {
  const found = /^\s*(?:svr=\d+;)?(?:ns=(\d+);|nsu=([^;]+);)?([isgb])=(.+)$/is.exec(text);
  if (found === null) return undefined;
  const [, index, uri, letter = "", identifier = ""] = found;
  const namespace = [
    ...(index === undefined ? [] : [`<NamespaceIndex>${index}</NamespaceIndex>`]),
    ...(uri === undefined ? [] : [`<NamespaceUri>${quote(uri).slice(1, -1)}</NamespaceUri>`]),
  ];
  const type = typesByLetter[letter.toLowerCase()];
  const shown = quote(identifier).slice(1, -1);
  return [...namespace, `<IdentifierType>${type}</IdentifierType>`, `<Identifier>${shown}</Identifier>`].join(" ");
}

function refuse(fields: Fields, type: string, text: string, allowed: string): undefined {
  const parts = partsOfNodeId(text);
  const meaning = parts === undefined ? "" : `; if it is a whole node id, write ${parts}`;
  const message = `<Identifier> is ${quote(text)}; with <IdentifierType> ${type} it must be ${allowed}${meaning}`;
  fields.findings.error(fields.lineOf("Identifier"), message);
}

/** Room for a value of that type, when the file does not say. Scalars of up to 8 bytes need none. */
function defaultCapacityBytes(type: BuiltInType, indexRange?: string): number {
  if (type === BuiltInType.Guid) return 16;
  const isSmall =
    (type >= BuiltInType.Boolean && type <= BuiltInType.Double) ||
    type === BuiltInType.DateTime ||
    type === BuiltInType.StatusCode;
  if (!isSmall) return defaultTextBytes;
  return indexRange === undefined ? 0 : Math.min(mostCapacityBytes, roomOfRange(indexRange));
}

const defaultTextBytes = 256;
/** As in the grammar. */
const mostCapacityBytes = 1_048_576;
/** Of one element, and of a dimension of a matrix. */
const mostElementBytes = 8;

/** The elements of an array of numbers, and what stands before those of a matrix. */
function roomOfRange(indexRange: string): number {
  return (mostElementsOf(indexRange) + dimensionsOf(indexRange)) * mostElementBytes;
}
