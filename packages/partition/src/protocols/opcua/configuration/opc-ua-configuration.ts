// Reads the OPC UA files: the XML against its grammar, then what a grammar cannot say.
//
// Promises: everything that is wrong is found in one go and told with its line; certificates that are named exist, and references to secrets
// are followed. Does not look into certificates, does not touch the network, and does not know the browse names that become keys: a session tells.

import { readUrlHost } from "../../../certificates/host-name.ts";
import type { OpcUaConfiguration, OpcUaNode, OpcUaServer } from "./opc-ua-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { isTooMany } from "../../../configuration/most-points.ts";
import { checkDeadband, hintAtPercentages, readAcquisition, type Acquisition } from "./opc-ua-acquisition.ts";
import { opcUaGrammar } from "./opc-ua-grammar.ts";
import { readNode } from "./opc-ua-node.ts";
import { valueText } from "./opc-ua-point.ts";
import { readSecurity, type SecurityRules } from "./opc-ua-security.ts";
import { openServers } from "../../../configuration/open-configuration.ts";
import { quote } from "../../../configuration/problem.ts";
import type { Problem } from "../../../configuration/problem.ts";
import { describeBadValue, quoteValue } from "../../../configuration/schema-words.ts";
import { SecretFiles } from "@cpc-partition/process/secret";
import { checkAliases } from "../../../configuration/server-alias.ts";

export interface OpcUaLoadOptions {
  /** Where relative file names of certificates and keys start. */
  readonly certificatesDirectory: string;
  /** Insecure policies are errors; default: they draw a warning. */
  readonly requireSecurity?: boolean | undefined;
  /** References to secrets are not followed. */
  readonly withoutSecrets?: boolean | undefined;
  /** Hears of each file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
  /** Where `${env:NAME}` is looked up; default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface LoadedOpcUaConfiguration {
  readonly configuration: OpcUaConfiguration;
  readonly warnings: readonly Problem[];
  /** What only the server can tell. */
  readonly hints: readonly Problem[];
}

/**
 * The servers of all files are one configuration. Throws a ConfigurationError with everything that is wrong. Warnings are about what is
 * insecure or read differently than it might seem.
 */
export function loadOpcUaConfiguration(
  files: string | readonly string[],
  options: OpcUaLoadOptions,
): LoadedOpcUaConfiguration {
  const { findings, servers: fields } = openServers(opcUaGrammar, [files].flat(), options.reading);
  checkAliases(fields, "alias");
  const rules: SecurityRules = {
    directory: options.certificatesDirectory,
    environment: options.environment ?? process.env,
    files: new SecretFiles(),
    requireSecurity: options.requireSecurity ?? false,
    withoutSecrets: options.withoutSecrets ?? false,
  };
  const servers = fields.map((server) => readServer(server, rules)).filter((server) => server !== undefined);
  isTooMany(
    servers.reduce((sum, { nodes }) => sum + nodes.length, 0),
    "nodes",
    findings,
  );
  const warnings = findings.conclude();
  return { configuration: { servers }, warnings, hints: findings.hints };
}

function readServer(fields: Fields, rules: SecurityRules): OpcUaServer | undefined {
  const alias = fields.name("alias");
  const endpointUrl = readEndpointUrl(fields);
  const applicationUri = fields.token("client_app_uri");
  const securityFields = fields.child("security");
  const security = securityFields && readSecurity(securityFields, rules);
  const acquisition = readAcquisition(fields);
  const nodes = readNodes(fields, acquisition);
  checkDeadband(fields, nodes, acquisition);
  hintAtPercentages(fields, nodes);
  if (alias === undefined || endpointUrl === undefined || applicationUri === undefined) return undefined;
  if (security === undefined) return undefined;
  return {
    alias,
    endpointUrl,
    applicationUri,
    ...security,
    intervalMs: fields.milliseconds("interval") ?? ownIntervalOf(acquisition),
    timeoutMs: fields.milliseconds("timeout") ?? 5000,
    retryIntervalMs: fields.milliseconds("retryInterval") ?? 10_000,
    maxNodesPerRead: fields.number("maxNodesPerRead"),
    ...(acquisition === undefined ? {} : { subscription: acquisition.subscription }),
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

function readNodes(fields: Fields, acquisition: Acquisition | undefined): readonly OpcUaNode[] {
  const nodes: OpcUaNode[] = [];
  const lines = new Map<string, number>();
  for (const nodeFields of fields.child("nodes")?.list("node") ?? []) {
    const [node, ...members] = readNode(nodeFields, acquisition, nodes.length);
    if (node === undefined) continue;
    nodes.push(node, ...members);
    const id = valueText(node);
    const first = lines.get(id);
    if (first === undefined) lines.set(id, node.location.line);
    else {
      const message = `${quote(node.displayName)} is the same value as in line ${first}, so it is read twice and published under two keys; remove one of the two`;
      fields.findings.warn(node.location.line, message);
    }
  }
  return nodes;
}

/** A server that is subscribed to has new values as often as it sends them. */
function ownIntervalOf(acquisition: Acquisition | undefined): number | undefined {
  return acquisition?.isSubscribed === true ? acquisition.subscription.publishingIntervalMs : undefined;
}
