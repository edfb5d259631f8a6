// Entry of the OPC UA service's worker thread.

import { OpcUaClientManager } from "../opcua-client/opcua-client-manager.ts";
import { silenceNodeOpcUa } from "../opcua-client/session/silence.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import type { OpcUaOrder } from "./service-messages.ts";
import { work } from "./service-worker.ts";

silenceNodeOpcUa();
await work<OpcUaOrder>(({ certificatesDirectory, namesFile }, log) => {
  surviveFaultsOf("node-opcua-", log);
  return new OpcUaClientManager({ log, certificatesDirectory, namesFile });
});
