// The two configurations that the simulated plant plays, out of what the partition read.

import type { ServiceConfigurations } from "cpc-partition/configuration/configuration";
import type { ModbusConfiguration } from "cpc-partition/protocols/modbus/configuration/modbus-server";
import type { OpcUaConfiguration } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";

export interface ConfiguredPlant {
  readonly modbus: ModbusConfiguration;
  readonly opcua: OpcUaConfiguration;
}

/** A service without a configuration has no servers. */
export function configuredPlant({ modbus, opcua }: ServiceConfigurations): ConfiguredPlant {
  const none = { servers: [] };
  return { modbus: (modbus ?? none) as ModbusConfiguration, opcua: (opcua ?? none) as OpcUaConfiguration };
}
