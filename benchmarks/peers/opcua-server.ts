// The OPC UA server that both sides of a benchmark read: node-opcua with COUNT Double variables, no security, in a process of
// its own. Prints {"port": N} when it listens and ends when its standard input does.
//
//   opcua-server.ts COUNT

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { DataType, MessageSecurityMode, SecurityPolicy, Variant } from "node-opcua-client";
import { OPCUAServer } from "node-opcua-server";

const count = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-pki-"));

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

const port = await freePort();
const server = new OPCUAServer({
  port,
  host: "127.0.0.1",
  resourcePath: "/benchmark",
  securityModes: [MessageSecurityMode.None],
  securityPolicies: [SecurityPolicy.None],
  serverCertificateManager: new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: true,
  }),
});
await server.initialize();
const space = server.engine.addressSpace;
if (space === null) throw new Error("cannot add the variables because the server has no address space");
const namespace = space.getOwnNamespace();
const plant = namespace.addFolder("ObjectsFolder", { browseName: "Plant" });
for (let index = 0; index < count; index++) {
  const value = new Variant({ dataType: DataType.Double, value: index + 0.25 });
  const name = `node ${index}`;
  namespace.addVariable({ organizedBy: plant, browseName: name, nodeId: `s=${name}`, dataType: "Double", value });
}
await server.start();
process.stdout.write(`${JSON.stringify({ port })}\n`);

process.stdin.resume();
await once(process.stdin, "end");
await server.shutdown(0);
rmSync(folder, { recursive: true, force: true });
process.exit(0);
