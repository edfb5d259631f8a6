// The half of OPC UA that a worker thread loads.

import { ExpiryWarnings } from "../../certificates/expiry-warnings.ts";
import type { OpcUaServer } from "../../configuration/configuration.ts";
import type { ProtocolClient } from "../protocol.ts";
import { OpcUaSource } from "./opcua-source.ts";
import { silenceNodeOpcUa } from "./silence.ts";

export const opcUaClient: ProtocolClient = {
  faultyPackages: "node-opcua-",
  prepareThread: silenceNodeOpcUa,
  sources: ({ log, certificatesDirectory: directory }) => {
    const expiryWarnings = new ExpiryWarnings();
    return (server) => new OpcUaSource(server as OpcUaServer, { directory, log, expiryWarnings });
  },
};
