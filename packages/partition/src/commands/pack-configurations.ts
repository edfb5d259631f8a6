// Configurations of services, packed as their protocols describe them.

import type { ServiceConfiguration, ServiceConfigurations } from "../configuration/configuration.ts";
import { packConfiguration, type PackedConfigurations } from "../configuration/packed-configuration.ts";
import { perProtocol } from "../protocols/registry.ts";

export function packConfigurations(services: ServiceConfigurations): PackedConfigurations {
  const packed = perProtocol<ServiceConfiguration>(services).map(({ protocol, value }) => [
    protocol.name,
    packConfiguration(value, protocol.describe(value)),
  ]);
  return Object.fromEntries(packed) as PackedConfigurations;
}
