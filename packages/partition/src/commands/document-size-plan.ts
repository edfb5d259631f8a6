// How large the documents of a configuration can get, before any server has been asked: for `check`, which connects to nobody. The documents
// process works the same out from the image.

import type { ModbusConfiguration, OpcUaConfiguration } from "../configuration/configuration.ts";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { modbusConnection, opcUaConnection } from "../configuration/connection-entry.ts";
import type { ConnectionEntry } from "@cpc-partition/image/point";
import type { PointDescription } from "@cpc-partition/image/point";
import type { ServerDescription } from "@cpc-partition/image/directory";
import { estimateDocumentBytes, leastSegmentBytes, segmentBytes } from "@cpc-partition/documents/document-size";
import { CommandError } from "@cpc-partition/process/command-error";

/** A byte of a device's text can become three, as the euro sign of windows-1252 does. */
const utf8BytesPerRegister = 6;

export type ServiceConfiguration =
  | { readonly service: "modbus"; readonly configuration: ModbusConfiguration }
  | { readonly service: "opcua"; readonly configuration: OpcUaConfiguration };

export interface DocumentSize {
  /** Largest document expected. */
  readonly documentBytes: number;
  readonly segmentBytes: number;
}

export function documentSizeOf({ service, configuration }: ServiceConfiguration): DocumentSize {
  const servers = service === "modbus" ? modbusServers(configuration) : opcUaServers(configuration);
  return { documentBytes: estimateDocumentBytes(servers), segmentBytes: segmentBytes(service, servers) };
}

/** Throws a CommandError when documents of this size could not even show every connection. */
export function refuseSmallSegment(plan: ServiceConfiguration, bytes: number): void {
  const { service, configuration } = plan;
  const connectionOf = service === "modbus" ? modbusConnection : opcUaConnection;
  const least = leastSegmentBytes(configuration.servers.map(({ alias }) => connectionOf(alias)));
  if (bytes >= least) return;
  throw new CommandError(
    `cannot use --segment-size ${bytes} because the connection entries of ${service} alone take ${least} bytes; ` +
      `use at least ${least}, or leave the option out to have the size computed from the configuration`,
  );
}

function modbusServers(configuration: ModbusConfiguration): readonly ServerDescription[] {
  return configuration.servers.map(({ alias, points }) =>
    describe(
      alias,
      modbusConnection(alias),
      points.map(({ key, description, unit, type, width }) => {
        const capacityBytes = type === BuiltInType.String ? utf8BytesPerRegister * width : 0;
        return { key, description, unit, source: "", type, capacityBytes };
      }),
    ),
  );
}

function opcUaServers(configuration: OpcUaConfiguration): readonly ServerDescription[] {
  return configuration.servers.map(({ alias, nodes }) =>
    describe(
      alias,
      opcUaConnection(alias),
      nodes.map(({ displayName, browseName, description, unit, type, capacityBytes }) => ({
        key: browseName ?? `65535:${displayName}`,
        description,
        unit,
        source: "",
        type,
        capacityBytes,
      })),
    ),
  );
}

function describe(alias: string, connection: ConnectionEntry, points: readonly PointDescription[]): ServerDescription {
  return { alias, connection, groups: [{ name: "", intervalMs: 0, points }] };
}
