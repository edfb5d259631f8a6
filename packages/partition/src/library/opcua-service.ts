// The OPC UA service in the thread of whoever calls it; `cpc run` has it in a thread of its own (worker-thread/).

import { OpcUaClientManager } from "./opcua-client-manager.ts";
import type { ServiceOptions } from "./service-options.ts";

/**
 * Reads the servers of a file and publishes their values until the signal aborts. Rejects with a ConfigurationError when the file is
 * wrong; a server that fails is told to the log and tried again.
 */
export async function opcuaService(options: ServiceOptions): Promise<void> {
  const {
    file,
    certificatesDirectory = "certificates",
    intervalSeconds = 1,
    shmList = [],
    semaphoreList = [],
  } = options;
  const manager = new OpcUaClientManager({ ...options, certificatesDirectory });
  await manager.parseClients(file);
  manager.startClients();
  await manager.periodicRead(intervalSeconds, shmList, semaphoreList, options);
}
