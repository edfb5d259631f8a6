// Entry of the OPC UA service's worker thread.

import { loadOnlyReading } from "../protocols/opcua/loaded-code.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import type { OpcUaOrder } from "../thread-messages.ts";
import { work } from "./service-worker.ts";

loadOnlyReading();
// Only now: what is imported above is loaded before anything else happens.
const { OpcUaClientManager } = await import("../library/opcua-client-manager.ts");
const { silenceNodeOpcUa } = await import("../protocols/opcua/silence.ts");
silenceNodeOpcUa();
await work<OpcUaOrder>(({ certificatesDirectory, namesFile }, log) => {
  surviveFaultsOf("node-opcua-", log);
  return new OpcUaClientManager({ log, certificatesDirectory, namesFile });
});
