// Modbus TCP as a protocol of the partition.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { ModbusConfiguration, ModbusPoint, ModbusServer } from "./configuration/modbus-server.ts";
import { modbusConnection } from "./configuration/connection-entry.ts";
import type { PointDescription } from "@cpc-partition/image/point";
import { codeOfService } from "@cpc-partition/image/service-name";
import { withInterval } from "../../sources/rate-groups.ts";
import type { Protocol } from "../protocol.ts";

/** A byte of a device's text can become three, as the euro sign of windows-1252 does. */
const utf8BytesPerRegister = 6;

export const modbus: Protocol = {
  name: "modbus",
  imageCode: codeOfService("modbus"),
  fileHolds: "Modbus TCP devices (XML)",
  rootElement: "modbus-servers",
  remembersNames: false,
  prepare: (server, serviceIntervalMs) => withInterval(server as ModbusServer, serviceIntervalMs),
  polled: (configuration) => configuration,
  oddValueAdvice: "try another <wordOrder>, <dataType> or <address>; cpc probe shows the registers in every word order",
  describe: (configuration) =>
    (configuration as ModbusConfiguration).servers.map(({ alias, points }) => ({
      alias,
      connection: modbusConnection(alias),
      groups: [{ name: "", intervalMs: 0, points: points.map(describePoint) }],
    })),
  loadFormat: async () => (await import("./modbus-format.ts")).modbusFormat,
  loadClient: async () => (await import("./modbus-protocol-client.ts")).modbusClient,
};

function describePoint({ key, description, unit, type, width }: ModbusPoint): PointDescription {
  const capacityBytes = type === BuiltInType.String ? utf8BytesPerRegister * width : 0;
  return { key, description, unit, source: "", type, capacityBytes };
}
