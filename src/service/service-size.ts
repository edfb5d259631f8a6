// How large the documents of a configuration can get, before any server has been asked. Worked out in the main thread, which loads
// neither protocol client.

import type { ModbusConfiguration, OpcUaConfiguration } from "../config/configuration.ts";
import { BuiltInType } from "../point/built-in-type.ts";
import type { PointDescription } from "../point/point.ts";
import type { ServerDescription } from "../process-image/directory.ts";
import { estimateDocumentBytes, segmentBytes } from "../shared-memory/document-size.ts";

/** A byte of a device's text can become a replacement character of three. */
const utf8BytesPerRegister = 6;

export interface DocumentSize {
  /** Largest document expected. */
  readonly documentBytes: number;
  readonly segmentBytes: number;
}

export function modbusDocumentSize(configuration: ModbusConfiguration): DocumentSize {
  const servers = configuration.servers.map(({ alias, points }) =>
    describe(
      alias,
      {
        key: `ModbusTCP Connections:${alias}: Connection status`,
        description: "Connection status to the Modbus server",
      },
      points.map(({ key, description, unit, type, width }) => {
        const capacityBytes = type === BuiltInType.String ? utf8BytesPerRegister * width : 0;
        return { key, description, unit, type, capacityBytes };
      }),
    ),
  );
  return { documentBytes: estimateDocumentBytes(servers), segmentBytes: segmentBytes("modbus", servers) };
}

export function opcUaDocumentSize(configuration: OpcUaConfiguration): DocumentSize {
  const servers = configuration.servers.map(({ alias, nodes }) =>
    describe(
      alias,
      { key: `OPC UA Connections:${alias}`, description: "Connection status to the OPC UA server" },
      nodes.map(({ displayName, description, unit, type, capacityBytes }) => ({
        key: `65535:${displayName}`,
        description,
        unit,
        type,
        capacityBytes,
      })),
    ),
  );
  return { documentBytes: estimateDocumentBytes(servers), segmentBytes: segmentBytes("opcua", servers) };
}

function describe(
  alias: string,
  connection: ServerDescription["connection"],
  points: readonly PointDescription[],
): ServerDescription {
  return { alias, connection, intervalMs: 0, points };
}
