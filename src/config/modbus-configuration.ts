// Reads the Modbus TCP file: the XML against its grammar, then what a grammar cannot say.
//
// Promises: everything that is wrong is found in one go and told with its line; what comes back needs no second look: keys
// are distinct, every value lies within the address space and fits into one request. Does not touch the network.

import type { ModbusConfiguration, ModbusPoint, ModbusServer, WordOrder } from "./configuration.ts";
import type { Fields } from "./fields.ts";
import { readHostField } from "./host.ts";
import { distinctKeys } from "./keys.ts";
import { warnOfLookAlikes } from "./look-alikes.ts";
import { hintAtManualNumbers, warnOfMissingTypes } from "./modbus-doubts.ts";
import { readEndpoint } from "./modbus-endpoint.ts";
import type { ModbusEndpoint } from "./modbus-endpoint.ts";
import { readTls } from "./modbus-tls.ts";
import { openConfiguration } from "./open-configuration.ts";
import { Findings, quote } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { checkAliases } from "./server-alias.ts";

/** Values of one file, quantities counted out. More do not fit into a cycle, and a slip of the keyboard must not fill the memory. */
const mostValues = 100_000;

type ServerWithoutPoints = Omit<ModbusServer, "points"> & { readonly endpoints: readonly ModbusEndpoint[] };

export interface ModbusLoadOptions {
  /** Where relative file names of certificates and keys start. */
  readonly certificatesDirectory: string;
}

export interface LoadedModbusConfiguration {
  readonly configuration: ModbusConfiguration;
  readonly warnings: readonly Problem[];
  /** What is worth a look when the file is written, and may be meant. */
  readonly hints: readonly Problem[];
}

/** Throws a ConfigurationError with everything that is wrong. Warnings are about what is read differently than it might seem. */
export function loadModbusConfiguration(
  file: string,
  options: ModbusLoadOptions = { certificatesDirectory: "certificates" },
): LoadedModbusConfiguration {
  const findings = new Findings(file);
  const root = openConfiguration("modbustcp-endpoints.xsd", findings);
  const fields = root?.list("server") ?? [];
  checkAliases(fields, "serveralias");
  const servers = fields
    .map((server) => readServer(server, options.certificatesDirectory))
    .filter((server) => server !== undefined);
  const named = nameValues(servers, findings);
  const warnings = findings.conclude();
  return { configuration: { file, servers: named }, warnings, hints: findings.hints };
}

function readServer(fields: Fields, certificatesDirectory: string): ServerWithoutPoints | undefined {
  const alias = fields.name("serveralias");
  const host = readHostField(fields, "ipaddr");
  const maxRegistersPerRequest = fields.number("maxRegistersPerRequest") ?? 125;
  const defaults = {
    // Endpoints are looked at even under a server that has no valid name, for the sake of their own errors.
    alias: alias ?? "",
    unitId: fields.number("unitId") ?? 1,
    wordOrder: (fields.token("wordOrder") as WordOrder | undefined) ?? "ABCD",
    maxRegistersPerRequest,
  };
  const endpointFields = fields.child("endpoints")?.list("endpoint") ?? [];
  warnOfLookAlikes(endpointFields, "name");
  const endpoints = endpointFields
    .map((endpoint) => readEndpoint(endpoint, defaults))
    .filter((endpoint) => endpoint !== undefined);
  warnOfMissingTypes(endpoints, alias ?? "");
  hintAtManualNumbers(endpoints, alias ?? "");
  const port = fields.number("port");
  const tlsFields = fields.child("tls");
  const tls = tlsFields && readTls(tlsFields, { host, port }, certificatesDirectory);
  if (alias === undefined || host === undefined || port === undefined) return undefined;
  return {
    alias,
    host,
    port,
    intervalMs: fields.milliseconds("interval"),
    timeoutMs: fields.milliseconds("timeout") ?? 3000,
    retryIntervalMs: fields.milliseconds("retryInterval") ?? 30_000,
    maxRegistersPerRequest,
    maxGap: fields.number("maxGap") ?? 0,
    pauseBetweenRequestsMs: fields.milliseconds("pauseBetweenRequests") ?? 0,
    pauseAfterConnectMs: fields.milliseconds("pauseAfterConnect") ?? 0,
    connectsPerRequest: fields.token("connection") === "perRequest",
    tls,
    location: { file: fields.findings.file, line: fields.element.line },
    endpoints,
  };
}

/** Counts the quantities out and gives every value a key of its own. */
function nameValues(servers: readonly ServerWithoutPoints[], findings: Findings): readonly ModbusServer[] {
  const endpoints = servers.flatMap((server) => server.endpoints);
  const values = endpoints.reduce((sum, endpoint) => sum + endpoint.count, 0);
  if (values > mostValues) {
    findings.error(1, `the file asks for ${values} values; at most ${mostValues} are right`);
    return [];
  }
  const connections = servers.map(({ alias }) => `ModbusTCP Connections:${alias}: Connection status`);
  const keys = distinctKeys(
    endpoints.map(({ first, count }) => ({ key: first.key, count })),
    connections,
  );
  const points = new Map<ModbusEndpoint, readonly ModbusPoint[]>();
  for (const [index, endpoint] of endpoints.entries()) {
    const { first } = endpoint;
    const own = (keys[index] ?? []).map((key, at) => valueOf(first, key, at));
    const renamed = own.find(({ key }, at) => key !== (at === 0 ? first.key : `${own[0]?.key}[${at}]`));
    if (renamed) {
      findings.warn(
        first.location.line,
        `the key ${quote(first.key)} is taken by another value, so this one is published as ${quote(renamed.key)}; names that differ are right`,
      );
    }
    points.set(endpoint, own);
  }
  hintAtKeys(
    [...points.values()].filter(({ length }) => length > 1),
    findings,
  );
  return servers.map(({ endpoints: own, ...server }) => ({
    ...server,
    points: own.flatMap((endpoint) => points.get(endpoint) ?? []),
  }));
}

/** So many endpoints with several keys are listed; a plan of the memory would be longer than anybody reads. */
const mostKeyHints = 20;

/** Consumers want to know the keys that stand nowhere in the file. */
function hintAtKeys(endpoints: readonly (readonly ModbusPoint[])[], findings: Findings): void {
  for (const values of endpoints.slice(0, mostKeyHints)) {
    const [first, second] = values;
    if (first === undefined || second === undefined) continue;
    const last = values.length === 2 ? "" : ` to ${quote(values.at(-1)?.key ?? "")}`;
    findings.hint(
      first.location.line,
      `quantity ${first.width * values.length} makes ${values.length} keys: ${quote(first.key)} and ${quote(second.key)}${last}`,
    );
  }
  const next = endpoints[mostKeyHints]?.[0];
  if (next === undefined) return;
  findings.hint(
    next.location.line,
    `${endpoints.length - mostKeyHints} more endpoints from here on make several keys each`,
  );
}

function valueOf(first: ModbusPoint, key: string, at: number): ModbusPoint {
  return { ...first, key, address: first.address + at * first.width };
}
