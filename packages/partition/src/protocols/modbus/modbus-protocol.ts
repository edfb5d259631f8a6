// Modbus TCP as a protocol of the partition.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { ModbusConfiguration, ModbusPoint } from "../../configuration/configuration.ts";
import { modbusConnection } from "../../configuration/connection-entry.ts";
import type { PointDescription } from "@cpc-partition/image/point";
import type { Protocol } from "../protocol.ts";

/** A byte of a device's text can become three, as the euro sign of windows-1252 does. */
const utf8BytesPerRegister = 6;

export const modbus: Protocol = {
  name: "modbus",
  imageCode: 2,
  fileHolds: "Modbus TCP devices (XML)",
  remembersNames: false,
  prepare: (configuration) => configuration,
  describe: (configuration) =>
    (configuration as ModbusConfiguration).servers.map(({ alias, points }) => ({
      alias,
      connection: modbusConnection(alias),
      groups: [{ name: "", intervalMs: 0, points: points.map(describePoint) }],
    })),
  loadClient: async () => (await import("./modbus-protocol-client.ts")).modbusClient,
};

function describePoint({ key, description, unit, type, width }: ModbusPoint): PointDescription {
  const capacityBytes = type === BuiltInType.String ? utf8BytesPerRegister * width : 0;
  return { key, description, unit, source: "", type, capacityBytes };
}
