import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { device, freePort } from "../plant/modbus-plant.ts";
import { opcUaServersXml } from "../plant/configuration-xml.ts";

const watchdog = { timeout: 60_000 };
const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const withoutIPv6 = hasIPv6 ? false : "this machine has no ::1";
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
  const simulate = (...more: readonly string[]) => sandbox.cpc(["simulate", ...files, ...given, ...more]);
  return { files, plant, ports, simulate };
}

const started = (plant: Child) => plant.until("the plant says where it is", () => plant.stdout.includes("trust "));

function trustedCertificate(plant: string): X509Certificate {
  const folder = join(plant, "certificates", "trusted", "certs");
  const [name = ""] = readdirSync(folder);
  return new X509Certificate(readFileSync(join(folder, name)));
}

test(
  "a partition that shares a certificates folder reads the plant, whoever starts first and again",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { files, plant, simulate } = await compose(sandbox);
    const run = sandbox.run(...files, "--certificates", join(plant, "certificates"));
    await run.until("it found nobody", () => sandbox.value(opcUaConnection, "opcua_shm") === false);
    for (const _ of ["first", "again"]) {
      const simulated = simulate();
      await run.until("both are read", () =>
        [sandbox.value(level, "opcua_shm"), sandbox.value("Ecotec: Volumenstrom Druckluft")].every(Number.isFinite),
      );
      const before = sandbox.value(level, "opcua_shm");
      await run.until("values move", () => ![before, undefined].includes(sandbox.value(level, "opcua_shm")));
      const { code, stderr } = await simulated.end();
      assert.deepEqual([code, stderr], [0, ""]);
      await run.until("it noticed", () => sandbox.value(opcUaConnection, "opcua_shm") === false);
    }
  },
);

test("the plant refuses a client whose certificate does not lie in its folder", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { files, plant, simulate } = await compose(sandbox);
  await started(simulate());
  const elsewhere = join(sandbox.folder, "elsewhere");
  cpSync(join(plant, "certificates"), elsewhere, { recursive: true });
  const run = sandbox.run(...files, "--certificates", elsewhere);
  await run.until("it is refused", () => run.logged(/^cannot /).some(({ service }) => service === "opcua"));
  assert.equal(sandbox.value(opcUaConnection, "opcua_shm"), false);
  assert.ok(existsSync(join(elsewhere, "own", "certs")), "it did have a certificate");
});

test("the host name stands in addresses and certificate, also over an earlier plant's", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { plant, ports, simulate } = await compose(sandbox);
  for (const name of ["fabrik.example.com", "plant"]) {
    const simulated = simulate("--host-name", name);
    await started(simulated);
    assert.match(simulated.stdout, new RegExp(`opc\\.tcp://${name}:${ports.opcua}/Abfuellung {2}Abfüllanlage`));
    assert.match(simulated.stdout, new RegExp(`${name}:${ports.modbus} {2}Ecotec`));
    assert.match(trustedCertificate(plant).subjectAltName ?? "", new RegExp(`DNS:${name}\\b`));
    await simulated.end();
  }
});

test(
  "the plant plays on an IPv6 address, and its certificate is for it",
  { ...watchdog, skip: withoutIPv6 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const { plant, ports, simulate } = await compose(sandbox);
    const simulated = simulate("--host", "::1");
    await started(simulated);
    assert.ok(simulated.stdout.includes(`opc.tcp://[::1]:${ports.opcua}/Abfuellung  Abfüllanlage`), simulated.stdout);
    assert.ok(simulated.stdout.includes(`[::1]:${ports.modbus}  Ecotec`), simulated.stdout);
    assert.match(trustedCertificate(plant).subjectAltName ?? "", /IP Address:0:0:0:0:0:0:0:1\b/);
    await simulated.end();
  },
);

test("what cannot be simulated is said, and nothing stays behind", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { files, plant, ports, simulate } = await compose(sandbox);
  const nothing = await sandbox.cpc(["simulate", "--directory", plant]).ended;
  assert.deepEqual([nothing.code, nothing.stdout], [2, ""]);
  assert.match(nothing.stderr, /give --opcua FILE, --modbus FILE or both/);
  const port = await sandbox.cpc(["simulate", ...files, "--directory", plant, "--opcua-port", "70000"]).ended;
  assert.equal(port.code, 2);
  assert.match(port.stderr, /port from 1 to 65535/);
  const host = await sandbox.cpc(["simulate", ...files, "--directory", plant, "--host", "127.000.000.010"]).ended;
  assert.equal(host.code, 2);
  assert.match(host.stderr, /did you mean 127\.0\.0\.10\?/);
  await device(t, ports.modbus);
  const taken = await simulate().ended;
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^cannot start the simulated plant because .*EADDRINUSE/);
});

test("several servers have the same namespaces, and the plant ends when it is told to", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const node = { name: "a", namespace: "<NamespaceIndex>4</NamespaceIndex>" };
  const servers = [4840, 4841, 4842].map((port, index) => ({
    alias: `Server ${index}`,
    url: `opc.tcp://plc:${port}`,
    nodes: [node],
  }));
  const all = opcUaServersXml(...servers);
  const simulated = sandbox.cpc([
    "simulate",
    "--opcua",
    sandbox.write("opcua.xml", all),
    "--directory",
    sandbox.folder,
  ]);
  await started(simulated);
  assert.equal(simulated.stdout.match(/opc\.tcp:/g)?.length, 3);
  assert.deepEqual((await simulated.end()).code, 0);
});
