import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { freePort } from "../plant/free-port.ts";
import { device } from "../plant/modbus-plant.ts";
import { opcUaServersXml } from "../plant/configuration-xml.ts";

const watchdog = { timeout: 200_000 };
const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const address = hasIPv6
  ? { host: "::1", shown: "[::1]", certified: "0:0:0:0:0:0:0:1" }
  : { host: "127.0.0.1", shown: "127.0.0.1", certified: "127.0.0.1" };
const examples = new URL("../../examples/compose/", import.meta.url);
const opcUaConnection = "OPC UA Connections:Abfüllanlage";
const level = "2:Füllstand Vorlagebehälter";

/** The files of compose.yaml with the plant on this machine, and what both commands are called with. */
async function compose(sandbox: Sandbox) {
  const ports = { opcua: await freePort(), modbus: await freePort() };
  const files = ["opcua", "modbus"].flatMap((service) => {
    const name = service === "opcua" ? "opcua-endpoints.xml" : "modbustcp-endpoints.xml";
    const text = readFileSync(new URL(name, examples), "utf8")
      .replace("plant:4840", `127.0.0.1:${ports.opcua}`)
      .replace("<ipaddr>plant<", "<ipaddr>127.0.0.1<")
      .replace("<port>5020<", `<port>${ports.modbus}<`)
      .replace("<retryInterval>2<", "<retryInterval>0.2<");
    return [`--${service}`, sandbox.write(name, text)];
  });
  const plant = join(sandbox.folder, "plant");
  const given = ["--opcua-port", String(ports.opcua), "--modbus-port", String(ports.modbus), "--directory", plant];
  const args = ["simulate", ...files, ...given];
  return { files, plant, ports, args };
}

const started = (plant: Child) => plant.until("the plant says where it is", () => plant.stdout.includes("trust "));

function trustedCertificate(plant: string): X509Certificate {
  const folder = join(plant, "certificates", "trusted", "certs");
  const [name = ""] = readdirSync(folder);
  return new X509Certificate(readFileSync(join(folder, name)));
}

test(
  "a partition that shares a certificates folder reads the plant, whoever starts first and again; the plant refuses any other",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { files, plant, args } = await compose(sandbox);
    const run = sandbox.run(...files, "--certificates", join(plant, "certificates"));
    await run.until("it found nobody", () => sandbox.value(opcUaConnection, "opcua_shm") === false);
    for (const time of ["first", "again"]) {
      const simulated = sandbox.cpc(args);
      await run.until("both are read", () =>
        [sandbox.value(level, "opcua_shm"), sandbox.value("Ecotec: Volumenstrom Druckluft")].every(Number.isFinite),
      );
      const before = sandbox.value(level, "opcua_shm");
      await run.until("values move", () => ![before, undefined].includes(sandbox.value(level, "opcua_shm")));
      if (time === "again") await refusesAnother(t, files, plant);
      const { code, stderr } = await simulated.end();
      assert.deepEqual([code, stderr], [0, ""]);
      await run.until("it noticed", () => sandbox.value(opcUaConnection, "opcua_shm") === false);
    }
  },
);

/** A client that trusts the plant, and whose own certificate does not lie in the plant's folder. */
async function refusesAnother(t: TestContext, files: readonly string[], plant: string): Promise<void> {
  const sandbox = new Sandbox(t);
  const elsewhere = join(sandbox.folder, "elsewhere");
  cpSync(join(plant, "certificates"), elsewhere, { recursive: true });
  rmSync(join(elsewhere, "own"), { recursive: true });
  const run = sandbox.run(...files, "--certificates", elsewhere);
  await run.until("it is refused", () => run.logged(/^cannot /).some(({ service }) => service === "opcua"));
  assert.equal(sandbox.value(opcUaConnection, "opcua_shm"), false);
  assert.ok(existsSync(join(elsewhere, "own", "certs")), "it did have a certificate");
}

test("what cannot be simulated is said, and nothing stays behind", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { files, plant, ports, args } = await compose(sandbox);
  const port = await sandbox.ran("simulate", ...files, "--directory", plant, "--opcua-port", "70000");
  assert.equal(port.code, 2);
  assert.match(port.stderr, /port from 1 to 65535/);
  const host = await sandbox.ran("simulate", ...files, "--directory", plant, "--host", "127.000.000.010");
  assert.equal(host.code, 2);
  assert.match(host.stderr, /did you mean 127\.0\.0\.10\?/);
  await device(t, ports.modbus);
  const taken = await sandbox.cpc(args).ended;
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^cannot start the simulated plant because .*EADDRINUSE/);
});

test(
  `the host name stands in addresses and certificate; several servers play on ${address.shown}, with a certificate for it in place of the earlier plant's`,
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { files, plant, ports, args } = await compose(sandbox);
    const named = sandbox.cpc([...args, "--host-name", "plant"]);
    await started(named);
    assert.match(named.stdout, new RegExp(`opc\\.tcp://plant:${ports.opcua}/Abfuellung {2}Abfüllanlage`));
    assert.match(named.stdout, new RegExp(`plant:${ports.modbus} {2}Ecotec`));
    assert.match(trustedCertificate(plant).subjectAltName ?? "", /DNS:plant\b/);
    await named.end();

    const node = { name: "a", namespace: "<NamespaceIndex>4</NamespaceIndex>" };
    const servers = [4840, 4841, 4842].map((port, index) => ({
      alias: `Server ${index}`,
      url: `opc.tcp://plc:${port}`,
      nodes: [node],
    }));
    const opcua = sandbox.write("several.xml", opcUaServersXml(...servers));
    const [modbus = ""] = files.slice(-1);
    const given = ["--opcua", opcua, "--modbus", modbus, "--directory", plant, "--host", address.host];
    const simulated = sandbox.cpc(["simulate", ...given]);
    await started(simulated);
    assert.equal(simulated.stdout.split(`opc.tcp://${address.shown}:`).length, 4, "with the same namespaces");
    assert.match(simulated.stdout.split(`Modbus TCP  ${address.shown}:`)[1] ?? "", /^\d+ {2}Ecotec/);
    assert.ok(trustedCertificate(plant).subjectAltName?.includes(`IP Address:${address.certified}`));
    assert.deepEqual((await simulated.end()).code, 0);
  },
);
