// The half of OPC UA that a worker thread loads.

import { ExpiryWarnings } from "../../certificates/expiry-warnings.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { giveBackMemorySoon } from "../../small-process.ts";
import type { ProtocolClient } from "../protocol.ts";
import { OpcUaSource } from "./opcua-source.ts";
import { silenceNodeOpcUa } from "./silence.ts";
import { BriefSubscriptionMemory } from "./subscription/subscription-memory.ts";
import { SubscriptionsFile, subscriptionsFileBeside } from "./subscription/subscriptions-file.ts";

export const opcUaClient: ProtocolClient = {
  faultyPackages: "node-opcua-",
  prepareThread: silenceNodeOpcUa,
  sources: ({ log, certificatesDirectory: directory, namesFile }) => {
    const expiryWarnings = new ExpiryWarnings();
    if (namesFile !== undefined) file = new SubscriptionsFile(subscriptionsFileBeside(namesFile), log);
    const subscriptions = file ?? new BriefSubscriptionMemory();
    const options = { directory, log, expiryWarnings, begun: giveBackMemorySoon, subscriptions };
    return (server) => new OpcUaSource(server as OpcUaServer, options);
  },
  written: async () => await file?.written(),
};

/** A thread works for one service. */
let file: SubscriptionsFile | undefined;
