// The Modbus TCP service in the thread of whoever calls it; `cpc run` has it in a thread of its own (worker-thread/).

import { ModbusClientManager } from "./modbus-client-manager.ts";
import type { ServiceOptions } from "./service-options.ts";

/**
 * Reads the devices of a file and publishes their values until the signal aborts. Rejects with a ConfigurationError when the file is
 * wrong; a device that fails is told to the log and tried again.
 */
export async function modbusTcpService(options: ServiceOptions): Promise<void> {
  const { file, intervalSeconds = 1, shmList = [], semaphoreList = [] } = options;
  const manager = new ModbusClientManager(options);
  manager.createClients(await manager.loadEndpointsFromXml(file));
  manager.startClients();
  await manager.periodicRead(intervalSeconds, shmList, semaphoreList, options);
}
