// Drafts as the XML that `check` and `run` read: in the order of the grammar, with what was left out as comments at its head.

import type { EndpointDraft, ModbusDraft, NodeDraft, OpcUaDraft, Settings } from "./draft.ts";

const functionNames = {
  1: ["Read Coils", "Coil"],
  2: ["Read Discrete Inputs", "Discrete Input"],
  3: ["Read Holding Registers", "Holding Register"],
  4: ["Read Input Registers", "Input Register"],
} as const;

/** `remarks` become comments. */
export function modbusXml(servers: readonly ModbusDraft[], remarks: readonly string[]): string {
  return document("modbus-servers", remarks, servers.flatMap(modbusServer));
}

export function opcUaXml(servers: readonly Omit<OpcUaDraft, "protocol">[], remarks: readonly string[]): string {
  return document("opcua-servers", remarks, servers.flatMap(opcUaServer));
}

function document(root: string, remarks: readonly string[], content: readonly string[]): string {
  const comments = remarks.map((remark) => `<!-- ${commentText(remark)} -->`);
  return ['<?xml version="1.0" encoding="UTF-8"?>', ...comments, ...block(root, content), ""].join("\n");
}

function modbusServer({ alias, host, port, settings, endpoints }: ModbusDraft): readonly string[] {
  return block("server", [
    element("ipaddr", host),
    element("port", String(port)),
    element("serveralias", alias),
    ...optional(settings),
    ...block("endpoints", endpoints.flatMap(endpointElements)),
  ]);
}

function endpointElements(endpoint: EndpointDraft): readonly string[] {
  const { name, functionCode, address, quantity, bit, description, settings } = endpoint;
  const [functionName, type] = functionNames[functionCode];
  return block("endpoint", [
    element("name", name),
    element("function", functionName),
    element("address", String(address)),
    element("quantity", String(quantity)),
    element("offset", String(bit ?? -1)),
    element("type", type),
    element("description", description),
    ...optional(settings),
  ]);
}

function opcUaServer({
  alias,
  url,
  policy,
  mode,
  serverCertificate,
  username,
  settings,
  nodes,
}: Omit<OpcUaDraft, "protocol">): readonly string[] {
  const variable = `CPC_PASSWORD_${alias.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}`;
  const login =
    username === undefined ? [] : [element("username", username), element("password", `\${env:${variable}}`)];
  const pin = serverCertificate === undefined ? [] : [element("server_certificate", serverCertificate)];
  return block("server", [
    element("server_app_uri", url),
    element("client_app_uri", "urn:cpc-partition:client"),
    element("alias", alias),
    ...optional(settings),
    ...block("security", [element("policy", policy), element("mode", mode), ...pin, ...login]),
    ...block("nodes", nodes.flatMap(nodeElements)),
  ]);
}

function nodeElements({
  name,
  namespace,
  identifierType,
  identifier,
  dataType,
  description,
  settings,
  members = [],
}: NodeDraft) {
  return block("node", [
    element("DisplayName", name),
    "uri" in namespace ? element("NamespaceUri", namespace.uri) : element("NamespaceIndex", String(namespace.index)),
    element("IdentifierType", identifierType),
    element("Identifier", identifier),
    element("datatype", dataType),
    element("description", description),
    ...optional(settings),
    ...members.flatMap((member) => block("member", [element("path", member.path), ...optional(member.settings)])),
  ]);
}

function optional(settings: Settings): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [element(name, value)]));
}

function block(name: string, content: readonly string[]): readonly string[] {
  return [`<${name}>`, ...content.map((line) => `  ${line}`), `</${name}>`];
}

function element(name: string, text: string): string {
  return `<${name}>${escaped(text)}</${name}>`;
}

/** No two hyphens may follow one another in a comment. */
function commentText(text: string): string {
  return onOneLine(text).replaceAll(/-(?=-)/g, "- ");
}

function escaped(text: string): string {
  return onOneLine(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** What XML 1.0 has no place for becomes a blank, like line breaks. */
function onOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\uFFFE\uFFFF]+/gu, " ").toWellFormed();
}
