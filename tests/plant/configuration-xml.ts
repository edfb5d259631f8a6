// Configuration files in the grammar of the two XSDs.

export interface XmlEndpoint {
  readonly name: string;
  /** Default 3, holding registers. */
  readonly function?: 1 | 2 | 3 | 4;
  readonly address: number;
  /** Default: what the data type takes. */
  readonly quantity?: number;
  readonly bit?: number;
  readonly unit?: number;
  /** Default: name and server. */
  readonly description?: string;
  readonly dataType?: string;
  readonly wordOrder?: string;
  /** Further elements. */
  readonly settings?: string;
}

export interface XmlModbusServer {
  readonly alias: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** Elements between the alias and the endpoints: `<timeout>0.5</timeout>` ... */
  readonly settings?: string;
  /** As objects, or as they stand. */
  readonly endpoints: readonly (XmlEndpoint | string)[];
}

export interface XmlNode {
  readonly name: string;
  /** Default: the namespace index 1. */
  readonly namespace?: string;
  readonly dataType?: string;
  readonly description?: string;
  /** Further elements. */
  readonly settings?: string;
}

export interface XmlOpcUaServer {
  readonly alias: string;
  readonly url: string;
  readonly applicationUri?: string;
  /** Without the "SecurityPolicy" in front; default None. The mode is SignAndEncrypt with every other. */
  readonly policy?: string;
  /** Elements between the alias and `<security>`. */
  readonly settings?: string;
  /** Further elements of `<security>`. */
  readonly security?: string;
  /** With string identifiers. As objects, or as they stand. */
  readonly nodes: readonly (XmlNode | string)[];
}

const functions = {
  1: "Read Coils",
  2: "Read Discrete Inputs",
  3: "Read Holding Registers",
  4: "Read Input Registers",
};
const widths: Readonly<Record<string, number>> = { Int32: 2, UInt32: 2, Float: 2, Int64: 4, UInt64: 4, Double: 4 };

export function modbusServersXml(...servers: readonly XmlModbusServer[]): string {
  const elements = servers.map(({ alias, host = "127.0.0.1", port, settings = "", endpoints }) =>
    element(
      "server",
      text("ipaddr", host) + text("port", port) + text("serveralias", alias) + settings,
      element(
        "endpoints",
        ...endpoints.map((endpoint) => (typeof endpoint === "string" ? endpoint : endpointXml(alias, endpoint))),
      ),
    ),
  );
  return file("modbus-servers", elements);
}

export function opcUaServersXml(...servers: readonly XmlOpcUaServer[]): string {
  const elements = servers.map(({ alias, url, applicationUri, policy = "None", settings = "", security = "", nodes }) =>
    element(
      "server",
      text("server_app_uri", url) + text("client_app_uri", applicationUri ?? "urn:cpc-partition:test:client"),
      text("alias", alias) + settings,
      element(
        "security",
        text("policy", `SecurityPolicy${policy}`) + text("mode", policy === "None" ? "None" : "SignAndEncrypt"),
        security,
      ),
      element("nodes", ...nodes.map((node) => (typeof node === "string" ? node : nodeXml(alias, node)))),
    ),
  );
  return file("opcua-servers", elements);
}

export interface OpcUaXmlOptions extends Omit<XmlOpcUaServer, "nodes"> {
  readonly user?: { readonly name: string; readonly password: string };
}

/** One server with one node, `a`; by default with security. */
export function opcUaXml({ user, policy = "Basic256Sha256", security = "", ...server }: OpcUaXmlOptions): string {
  return opcUaServersXml({ ...server, policy, security: loginXml(user) + security, nodes: [{ name: "a" }] });
}

/** `<username>` and `<password>`, for the `security` of a server. */
export function loginXml(user: { readonly name: string; readonly password: string } | undefined): string {
  return user === undefined ? "" : text("username", user.name) + text("password", user.password);
}

/** Empty when there is no content. */
export function text(name: string, content: string | number | undefined): string {
  if (content === undefined) return "";
  const escaped = String(content).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<${name}>${escaped}</${name}>`;
}

function endpointXml(alias: string, { name, function: code = 3, dataType, ...rest }: XmlEndpoint): string {
  return element(
    "endpoint",
    text("name", name) + text("function", functions[code]) + text("address", rest.address),
    text("quantity", rest.quantity ?? widths[dataType ?? ""] ?? 1) + text("offset", rest.bit ?? -1),
    text("type", code <= 2 ? "boolean" : "register") + text("description", rest.description ?? `${name} of ${alias}`),
    text("unitId", rest.unit) + text("dataType", dataType) + text("wordOrder", rest.wordOrder) + (rest.settings ?? ""),
  );
}

function nodeXml(alias: string, { name, namespace = text("NamespaceIndex", 1), ...rest }: XmlNode): string {
  return element(
    "node",
    text("DisplayName", name) + namespace + text("IdentifierType", "String") + text("Identifier", name),
    text("datatype", rest.dataType ?? "Double") + text("description", rest.description ?? `${name} of ${alias}`),
    rest.settings ?? "",
  );
}

function element(name: string, ...lines: readonly string[]): string {
  return `<${name}>${lines.join("\n")}</${name}>\n`;
}

function file(root: string, servers: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n${servers.join("")}</${root}>\n`;
}
