// Entry of the OPC UA service's worker thread.

import { OpcUaClientManager } from "../protocols/opcua/opcua-client-manager.ts";
import { silenceNodeOpcUa } from "../protocols/opcua/silence.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import type { OpcUaOrder } from "../thread-messages.ts";
import { work } from "./service-worker.ts";

silenceNodeOpcUa();
await work<OpcUaOrder>(({ certificatesDirectory, namesFile }, log) => {
  surviveFaultsOf("node-opcua-", log);
  return new OpcUaClientManager({ log, certificatesDirectory, namesFile });
});
