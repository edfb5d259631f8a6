// OPC UA against a server that nobody here wrote, signed and encrypted, read by a Python consumer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createApplicationCertificate } from "../../packages/partition/src/certificates/application-certificate.ts";
import { loginXml, opcUaServersXml, text } from "../plant/configuration-xml.ts";
import { Partition } from "./partition.ts";
import { Peer } from "./peer.ts";

const WANTED = fileURLToPath(new URL("opcua-edge-values.json", import.meta.url));
const CLIENT_URI = "urn:cpc-partition:interop";
const SERVER_URI = "urn:cpc-partition:interop:server";
const CONNECTION = "OPC UA Connections:edge";

/** Keys of the expected document are `2:{browse name}`, and the server's identifiers are its browse names. */
const EDGE_VALUES = JSON.parse(readFileSync(WANTED, "utf8")) as Readonly<Record<string, { readonly value: unknown }>>;
const NODES = Object.keys(EDGE_VALUES).map((key) => key.slice("2:".length));
/** Null is no value. */
const SHOWN = Object.keys(EDGE_VALUES).filter((key) => EDGE_VALUES[key]?.value !== null);

async function certificate(
  folder: string,
  name: string,
  applicationUri: string,
): Promise<[certificate: string, key: string]> {
  const certificateFile = join(folder, `${name}.der`);
  const privateKeyFile = join(folder, `${name}.pem`);
  await createApplicationCertificate({
    applicationUri,
    hostNames: ["127.0.0.1"],
    certificateFile,
    privateKeyFile,
    validDays: 30,
  });
  return [certificateFile, privateKeyFile];
}

interface Security {
  readonly serverCertificate: string | undefined;
  readonly clientCertificate: string;
  readonly clientPrivateKey: string;
  readonly user?: { readonly name: string; readonly password: string };
}

interface Plant {
  readonly port: number;
  readonly security: Security;
}

/** An asyncua server and what a client needs to be let in and to trust it. */
async function start(partition: Partition, ...options: readonly string[]): Promise<Plant> {
  const [serverCertificate, key] = await certificate(partition.folder, "server", SERVER_URI);
  const [clientCertificate, clientPrivateKey] = await certificate(partition.folder, "client", CLIENT_URI);
  const server = partition.keep(
    Peer.python("asyncua-server.py", "--certificate", serverCertificate, "--key", key, "--uri", SERVER_URI, ...options),
  );
  const port = await partition.beforeOpcUa((await server.message())["port"] as number);
  return { port, security: { serverCertificate, clientCertificate, clientPrivateKey } };
}

/** `settings`: of each node. */
function run(partition: Partition, port: number, security: Security, nodes: readonly string[], settings = ""): void {
  const xml = opcUaServersXml({
    alias: "edge",
    url: `opc.tcp://127.0.0.1:${port}/edge`,
    applicationUri: CLIENT_URI,
    policy: "Aes256Sha256RsaPss",
    security:
      text("server_certificate", security.serverCertificate) +
      text("client_certificate", security.clientCertificate) +
      text("client_private_key", security.clientPrivateKey) +
      loginXml(security.user),
    nodes: nodes.map((name) => ({ name, namespace: text("NamespaceIndex", 2), dataType: "Variable", settings })),
  });
  partition.run({ opcua: partition.write("opcua.xml", xml) });
}

suite("an asyncua server with Aes256Sha256RsaPss, SignAndEncrypt", () => {
  test("every edge value arrives in Python exactly", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition);
    run(partition, port, security, NODES);
    const consumer = await partition.consumer("opcua");
    await partition.sees(consumer, CONNECTION, true);
    // Longer than the room made for a text whose length nobody knew: it comes with the poll after the one that taught it.
    await partition.sees(consumer, "2:String long", "ß".repeat(2000));

    assert.deepEqual((await consumer.ask(`compare ${WANTED}`))["differences"], []);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION, ...SHOWN]);
    assert.equal(await partition.stop(), 0);
  });

  test("the members of a structure of the server's own are points", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition);
    const members = ["Level", "Count", "Name"].map((path) => `<member>${text("path", path)}</member>`);
    run(partition, port, security, ["Structure own"], members.join(""));
    const consumer = await partition.consumer("opcua");
    await partition.sees(consumer, "2:Structure own.Level", 12.5);
    await partition.sees(consumer, "2:Structure own.Name", "Ölstand");
    const own = ["", ".Level", ".Count", ".Name"].map((member) => `2:Structure own${member}`);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION, ...own]);
  });

  test("a bad value and an unknown node are left out, and they only", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition);
    run(partition, port, security, ["Bad", "Nowhere", "Double tenth"]);
    const consumer = await partition.consumer("opcua");
    await partition.sees(consumer, "2:Double tenth", 0.1);

    const wanted = {
      [CONNECTION]: { value: true, varType: "Boolean", description: "Connection status to the OPC UA server" },
      "2:Double tenth": { value: 0.1, varType: "Double", description: "Double tenth of edge" },
    };
    const file = partition.write("wanted.json", JSON.stringify(wanted));
    assert.deepEqual((await consumer.ask(`compare ${file}`))["differences"], []);
    assert.deepEqual((await consumer.ask("keys"))["keys"], Object.keys(wanted));
  });

  test("a server whose certificate nobody trusts is never read", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition);
    run(partition, port, { ...security, serverCertificate: undefined }, ["Double tenth"]);
    const consumer = await partition.consumer("opcua");
    await partition.logs(/certificate/i);

    await partition.sees(consumer, CONNECTION, false);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION]);
  });

  test("a server that shows another certificate than the pinned one is never read", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition);
    const [other] = await certificate(partition.folder, "other", SERVER_URI);
    run(partition, port, { ...security, serverCertificate: other }, ["Double tenth"]);
    const consumer = await partition.consumer("opcua");
    await partition.logs(/certificate/i);

    await partition.sees(consumer, CONNECTION, false);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION]);
  });

  test("the right user name and password are let in", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition, "--user", "plant", "--password", "Öl & Gas");
    run(partition, port, { ...security, user: { name: "plant", password: "Öl & Gas" } }, ["Double tenth"]);
    const consumer = await partition.consumer("opcua");
    await partition.sees(consumer, "2:Double tenth", 0.1);
  });

  test("a wrong password is reported, never printed, and reads nothing", async () => {
    await using partition = new Partition();
    const { port, security } = await start(partition, "--user", "plant", "--password", "right");
    run(partition, port, { ...security, user: { name: "plant", password: "Wrong4711" } }, ["Double tenth"]);
    const consumer = await partition.consumer("opcua");
    await partition.logs(/user|password|identity/i);

    await partition.sees(consumer, CONNECTION, false);
    assert.deepEqual((await consumer.ask("keys"))["keys"], [CONNECTION]);
    assert.doesNotMatch(partition.log, /Wrong4711/);
  });
});
