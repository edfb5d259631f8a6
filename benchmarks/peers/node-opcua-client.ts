// Polls COUNT nodes of a benchmark's OPC UA server with `session.read` of node-opcua: node-opcua-client.ts FOLDER PORT COUNT, where FOLDER is for
// its certificates.

import { createRequire } from "node:module";
import { AttributeIds, OPCUAClient, type DataValue } from "node-opcua-client";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { answerPolls } from "./polling.ts";

// Standard output belongs to the figures.
console.log = console.error;

const [folder = "", port = "", count = ""] = process.argv.slice(2);
const { version } = createRequire(import.meta.url)("node-opcua-client/package.json") as { readonly version: string };
const nodes = Array.from({ length: Number(count) }, (_, index) => ({
  nodeId: `ns=1;s=node ${index}`,
  attributeId: AttributeIds.Value,
}));
let values: readonly DataValue[] = [];
const client = OPCUAClient.create({
  endpointMustExist: false,
  clientCertificateManager: new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: true,
  }),
});
await client.connect(`opc.tcp://127.0.0.1:${port}`);
const session = await client.createSession();
await answerPolls(
  async () => {
    values = await session.read(nodes);
  },
  () => values.reduce((total, { value }) => total + (value.value as number), 0),
  version,
);
await session.close();
await client.disconnect();
