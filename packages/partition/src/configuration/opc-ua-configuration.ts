// Reads the OPC UA file: the XML against its grammar, then what a grammar cannot say.
//
// Promises: everything that is wrong is found in one go and told with its line; certificates that are named exist, and references to secrets
// are followed. Does not look into certificates, does not touch the network, and does not know the browse names that become keys: a session tells.

import { readUrlHost } from "../certificates/host-name.ts";
import type { OpcUaConfiguration, OpcUaNode, OpcUaServer } from "./configuration.ts";
import type { Fields } from "./fields.ts";
import { readNode } from "./opc-ua-node.ts";
import { nodeIdText } from "./opc-ua-point.ts";
import { readSecurity, type SecurityRules } from "./opc-ua-security.ts";
import { openConfiguration } from "./open-configuration.ts";
import { Findings, quote } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { describeBadValue, quoteValue } from "./schema-words.ts";
import { SecretFiles } from "./secret.ts";
import { checkAliases } from "./server-alias.ts";

export interface OpcUaLoadOptions {
  /** Where relative file names of certificates and keys start. */
  readonly certificatesDirectory: string;
  /** Insecure policies are errors; default: they draw a warning. */
  readonly requireSecurity?: boolean | undefined;
  /** Where `${env:NAME}` is looked up; default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Throws a ConfigurationError with everything that is wrong. Warnings are about what is insecure or read differently than it might seem. */
export function loadOpcUaConfiguration(
  file: string,
  options: OpcUaLoadOptions,
): { readonly configuration: OpcUaConfiguration; readonly warnings: readonly Problem[] } {
  const findings = new Findings(file);
  const root = openConfiguration("opcua-endpoints.xsd", findings);
  const fields = root?.list("server") ?? [];
  checkAliases(fields, "alias");
  const rules: SecurityRules = {
    directory: options.certificatesDirectory,
    environment: options.environment ?? process.env,
    files: new SecretFiles(),
    requireSecurity: options.requireSecurity ?? false,
  };
  const servers = fields.map((server) => readServer(server, rules)).filter((server) => server !== undefined);
  const warnings = findings.conclude();
  return { configuration: { file, servers }, warnings };
}

function readServer(fields: Fields, rules: SecurityRules): OpcUaServer | undefined {
  const alias = fields.name("alias");
  const endpointUrl = readEndpointUrl(fields);
  const applicationUri = fields.token("client_app_uri");
  const securityFields = fields.child("security");
  const security = securityFields && readSecurity(securityFields, rules);
  const nodes = readNodes(fields);
  if (alias === undefined || endpointUrl === undefined || applicationUri === undefined) return undefined;
  if (security === undefined) return undefined;
  return {
    alias,
    endpointUrl,
    applicationUri,
    ...security,
    intervalMs: fields.milliseconds("interval"),
    timeoutMs: fields.milliseconds("timeout") ?? 5000,
    retryIntervalMs: fields.milliseconds("retryInterval") ?? 10_000,
    maxNodesPerRead: fields.number("maxNodesPerRead"),
    nodes,
    location: { file: fields.findings.file, line: fields.element.line },
  };
}

function readEndpointUrl(fields: Fields): string | undefined {
  const text = fields.token("server_app_uri");
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const reading = readUrlHost(text);
  if (!("host" in reading) && (url?.username ?? "") === "") {
    const line = fields.lineOf("server_app_uri");
    fields.findings.error(line, `<server_app_uri> is ${quoteValue(text)}; its host ${reading.because}`);
    return undefined;
  }
  const isSound = url?.hostname !== "" && url?.username === "" && Number(url.port) >= 1;
  if (isSound) return text;
  fields.findings.error(
    fields.lineOf("server_app_uri"),
    describeBadValue(
      { name: "server_app_uri", text },
      "opc.tcp://host:port/path with a port from 1 to 65535 and no user name",
    ),
  );
  return undefined;
}

function readNodes(fields: Fields): readonly OpcUaNode[] {
  const nodes: OpcUaNode[] = [];
  const lines = new Map<string, number>();
  for (const nodeFields of fields.child("nodes")?.list("node") ?? []) {
    const node = readNode(nodeFields);
    if (node === undefined) continue;
    nodes.push(node);
    const id = nodeIdText(node);
    const first = lines.get(id);
    if (first === undefined) lines.set(id, node.location.line);
    else {
      const message = `${quote(node.displayName)} is the same node as in line ${first}, so it is read twice and published under two keys; remove one of the two`;
      fields.findings.warn(node.location.line, message);
    }
  }
  return nodes;
}
