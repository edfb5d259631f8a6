// A real server that listens on ::1, and certificates that are for that address or for another one.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { OPCUAServer } from "node-opcua-server";

import { createApplicationCertificate } from "../../../../../packages/partition/src/certificates/application-certificate.ts";
import type { OpcUaServer } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { loadOpcUaConfiguration } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";
import { Connections } from "../../../../../packages/partition/src/protocols/opcua/channel/transport.ts";
import { answerOf } from "../../../../../packages/partition/src/protocols/opcua/bounded-wait.ts";
import { OpcUaClient } from "../../../../../packages/partition/src/library/opcua-client.ts";
import { certificate } from "../../../../plant/certificates.ts";
import {
  addDoubles,
  configuredServer,
  never,
  nodeNamed,
  RecordingSink,
  startServer,
  temporaryFolder,
} from "../../../../plant/opcua-server.ts";

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const skip = hasIPv6 ? false : "this machine has no ::1";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const files = (name: string) => ({
  certificateFile: join(folder.path, `${name}.der`),
  privateKeyFile: join(folder.path, `${name}.pem`),
});
let plant: { server: OPCUAServer; url: string } | undefined;

before(async () => {
  folder = await temporaryFolder();
  if (!hasIPv6) return;
  const applicationUri = "urn:cpc-partition:test:server";
  await createApplicationCertificate({ ...files("server"), applicationUri, hostNames: ["::1"], validDays: 2 });
  plant = await startServer({
    folder: folder.path,
    certificate: files("server"),
    host: "::1",
    policies: ["Basic256Sha256"],
    build: (server) => addDoubles(server, ["a", "b"]),
  });
});

after(async () => {
  await plant?.server.shutdown(0);
  await folder.remove();
});

async function readFrom(server: OpcUaServer): Promise<unknown> {
  const client = new OpcUaClient(server, { directory: join(folder.path, "certificates"), log: () => undefined });
  const sink = new RecordingSink();
  try {
    await client.connect(never);
    await client.poll(sink, never);
  } finally {
    await client.disconnect();
  }
  return sink.values.get(0)?.value;
}

test("a server at opc.tcp://[::1] is read, as the configuration file names it", { skip }, async () => {
  const file = join(folder.path, "opcua.xml");
  writeFileSync(
    file,
    `<opcua-servers><server><server_app_uri>${plant?.url}</server_app_uri><client_app_uri>urn:c</client_app_uri><alias>A</alias>
    <security><policy>SecurityPolicyNone</policy><mode>None</mode></security><nodes><node><DisplayName>b</DisplayName>
    <NamespaceIndex>1</NamespaceIndex><IdentifierType>String</IdentifierType><Identifier>b</Identifier><datatype/><description/>
    </node></nodes></server></opcua-servers>`,
  );
  const { configuration } = loadOpcUaConfiguration(file, { certificatesDirectory: folder.path });
  assert.match(plant?.url ?? "", /^opc\.tcp:\/\/\[::1\]:\d+$/);
  assert.equal(await readFrom(configuration.servers[0] ?? assert.fail()), 1);
});

test("the server's certificate has to be for the IPv6 address, in whatever form the URL has it", { skip }, async () => {
  const secure = { policy: "Basic256Sha256", mode: "SignAndEncrypt", nodes: [nodeNamed("b")] } as const;
  const url = (plant?.url ?? "").replace("::1", "0:0::1");
  const trusted = { ...secure, serverCertificateFile: files("server").certificateFile };
  assert.equal(await readFrom(configuredServer(url, trusted)), 1);
  const { der } = await certificate({ name: "other", hosts: ["::2"], uri: "urn:cpc-partition:test:server" });
  const descriptions = plant?.server.endpoints[0]?.endpointDescriptions() ?? [];
  for (const description of descriptions) Object.defineProperty(description, "serverCertificate", { value: der });
  await assert.rejects(readFrom(configuredServer(url, secure)), /HostName/);
});

test("a server that is not there is a failed connection", { skip }, async () => {
  await assert.rejects(readFrom(configuredServer("opc.tcp://[::1]:1", { nodes: [nodeNamed("b")] })), {
    code: "ConnectionFailed",
  });
});

test("connections that were ended are closed, and none can be opened after that", { timeout: 200_000 }, async (t) => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  const url = `opc.tcp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const connections = new Connections();
  const [early, forgotten, late] = [connections.create(), connections.create(), connections.create()];
  early.timeout = 2_000_000_000; // as for every connection of ours: the library's own end must not come first
  early.connect(url, () => undefined);
  const [peer] = (await once(silent, "connection")) as [Socket];
  forgotten.timeout = early.timeout;
  forgotten.connect(url, () => undefined);
  const [forgottenPeer] = (await once(silent, "connection")) as [Socket];
  Reflect.set(forgotten, "_socket", null); // the library does so before a socket is closed
  connections.end();
  for (const ended of [peer, forgottenPeer]) ended.on("error", () => undefined).resume();
  await Promise.all([peer, forgottenPeer].map((ended) => once(ended, "close")));
  for (const transport of [late, connections.create()]) {
    await assert.rejects(
      answerOf<void>((done) => transport.connect(url, done)),
      /the client was closed/,
    );
  }
});
