// Reads the Modbus TCP files: the XML against its grammar, then what a grammar cannot say.
//
// Promises: everything that is wrong is found in one go and told with its line; what comes back needs no second look: keys
// are distinct, every value lies within the address space and fits into one request. Does not touch the network.

import type { ModbusConfiguration, WordOrder } from "./modbus-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import type { ContestedKey } from "../../../configuration/contested-keys.ts";
import { readHostField } from "../../../configuration/host.ts";
import { warnOfLookAlikes } from "../../../configuration/look-alikes.ts";
import { hintAtManualNumbers, warnOfMissingTypes } from "./modbus-doubts.ts";
import { modbusGrammar } from "./modbus-grammar.ts";
import { readEndpoint } from "./modbus-endpoint.ts";
import { checkScaleFactors } from "./scale-factor.ts";
import { checkSharedLines, readLine } from "./modbus-line.ts";
import { nameValues, type ServerWithoutPoints } from "./modbus-keys.ts";
import { readTls } from "./modbus-tls.ts";
import { openServers } from "../../../configuration/open-configuration.ts";
import type { Problem } from "../../../configuration/problem.ts";
import { checkAliases } from "../../../configuration/server-alias.ts";

export interface ModbusLoadOptions {
  /** Where relative file names of certificates and keys start. */
  readonly certificatesDirectory: string;
  /** Hears of each file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
}

export interface LoadedModbusConfiguration {
  readonly configuration: ModbusConfiguration;
  readonly warnings: readonly Problem[];
  /** What is worth a look when the file is written, and may be meant. */
  readonly hints: readonly Problem[];
  /** Every value that asks for the same key as another one; the warnings say it once for each server. */
  readonly contestedKeys: readonly ContestedKey[];
}

/**
 * The servers of all files are one configuration. Throws a ConfigurationError with everything that is wrong. Warnings are about what is read
 * differently than it might seem.
 */
export function loadModbusConfiguration(
  files: string | readonly string[],
  options: ModbusLoadOptions = { certificatesDirectory: "certificates" },
): LoadedModbusConfiguration {
  const { findings, servers: fields } = openServers(modbusGrammar, [files].flat(), options.reading);
  checkAliases(fields, "serveralias");
  const servers = fields
    .map((server) => readServer(server, options.certificatesDirectory))
    .filter((server) => server !== undefined);
  checkSharedLines(servers, findings);
  const { servers: named, contestedKeys } = nameValues(servers, findings);
  const warnings = findings.conclude();
  return { configuration: { servers: named }, warnings, hints: findings.hints, contestedKeys };
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
  checkScaleFactors(endpoints, { maxRegistersPerRequest, maxGap: fields.number("maxGap") }, fields.findings);
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
    ...readLine(fields),
    connectsPerRequest: fields.token("connection") === "perRequest",
    tls,
    location: { file: fields.findings.file, line: fields.element.line },
    endpoints,
  };
}
