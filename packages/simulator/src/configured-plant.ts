// The two configurations that the simulated plant plays, out of what the partition read.

import { shippedFile } from "cpc-partition/configuration/shipped-files";
import type { ServiceConfigurations } from "cpc-partition/configuration/configuration";
import type { ModbusConfiguration } from "cpc-partition/protocols/modbus/configuration/modbus-server";
import type { OpcUaConfiguration } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";

export interface ConfiguredPlant {
  readonly modbus: ModbusConfiguration;
  readonly opcua: OpcUaConfiguration;
}

/** What is played unless somebody names files. */
export const shippedPaths = {
  opcua: [shippedFile("opcua-endpoints.xml")],
  modbus: [shippedFile("modbustcp-endpoints_ecotec.xml")],
};

/** A service without a configuration has no servers. */
export function configuredPlant({ modbus, opcua }: ServiceConfigurations): ConfiguredPlant {
  const none = { servers: [] };
  return { modbus: (modbus ?? none) as ModbusConfiguration, opcua: (opcua ?? none) as OpcUaConfiguration };
}
