// Configuration files for the peers, in the grammar of the two XSDs.

export interface ModbusEntry {
  readonly name: string;
  readonly function: 1 | 2 | 3 | 4;
  readonly address: number;
  readonly quantity?: number;
  readonly bit?: number;
  readonly unit?: number;
  readonly dataType?: string;
  readonly wordOrder?: string;
}

const FUNCTIONS = {
  1: "Read Coils",
  2: "Read Discrete Inputs",
  3: "Read Holding Registers",
  4: "Read Input Registers",
};
const WIDTHS: Readonly<Record<string, number>> = { Int32: 2, UInt32: 2, Float: 2, Int64: 4, UInt64: 4, Double: 4 };

/** `raw` is put among the endpoints as it stands. */
export function modbusXml(alias: string, port: number, entries: readonly ModbusEntry[], raw = ""): string {
  const endpoints = entries.map((entry) =>
    element(
      "endpoint",
      element("name", entry.name),
      element("function", FUNCTIONS[entry.function]),
      element("address", entry.address),
      element("quantity", entry.quantity ?? WIDTHS[entry.dataType ?? ""] ?? 1),
      element("offset", entry.bit ?? -1),
      element("type", entry.function <= 2 ? "boolean" : "register"),
      element("description", `${entry.name} of ${alias}`),
      optional("unitId", entry.unit),
      optional("dataType", entry.dataType),
      optional("wordOrder", entry.wordOrder),
    ),
  );
  return file(
    "modbus-servers",
    element("ipaddr", "127.0.0.1"),
    element("port", port),
    element("serveralias", alias),
    element("endpoints", ...endpoints, raw),
  );
}

export interface OpcUaSecurity {
  readonly serverCertificate: string | undefined;
  readonly clientCertificate: string;
  readonly clientPrivateKey: string;
  readonly user?: { readonly name: string; readonly password: string };
}

/** Nodes of namespace 2 with string identifiers. */
export function opcUaXml(
  alias: string,
  port: number,
  applicationUri: string,
  security: OpcUaSecurity,
  nodes: readonly string[],
): string {
  const items = nodes.map((name) =>
    element(
      "node",
      element("DisplayName", name),
      element("NamespaceIndex", 2),
      element("IdentifierType", "String"),
      element("Identifier", name),
      element("datatype", "Variable"),
      element("description", `${name} of ${alias}`),
    ),
  );
  return file(
    "opcua-servers",
    element("server_app_uri", `opc.tcp://127.0.0.1:${port}/edge`),
    element("client_app_uri", applicationUri),
    element("alias", alias),
    element(
      "security",
      element("policy", "SecurityPolicyAes256Sha256RsaPss"),
      element("mode", "SignAndEncrypt"),
      optional("server_certificate", security.serverCertificate),
      element("client_certificate", security.clientCertificate),
      element("client_private_key", security.clientPrivateKey),
      optional("username", security.user?.name),
      optional("password", security.user?.password),
    ),
    element("nodes", ...items),
  );
}

function file(root: string, ...serverContent: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}><server>${serverContent.join("")}</server></${root}>\n`;
}

/** Children are elements already when they start with "<"; everything else is text. */
function element(name: string, ...content: readonly (string | number)[]): string {
  return `<${name}>${content.map((part) => (isMarkup(part) ? part : escaped(String(part)))).join("")}</${name}>\n`;
}

function optional(name: string, content: string | number | undefined): string {
  return content === undefined ? "" : element(name, content);
}

function isMarkup(part: string | number): boolean {
  return typeof part === "string" && part.startsWith("<");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
