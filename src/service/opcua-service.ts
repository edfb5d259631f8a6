// The OPC UA service: entry of its worker thread.

import { OpcUaClientManager } from "../opcua-client/opcua-client-manager.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import type { OpcUaOrder } from "./service-messages.ts";
import { work } from "./service-worker.ts";

async function opcuaService(): Promise<void> {
  await work<OpcUaOrder>(({ certificatesDirectory }, log) => {
    surviveFaultsOf("node-opcua-", log);
    return new OpcUaClientManager({ log, certificatesDirectory });
  });
}

await opcuaService();
