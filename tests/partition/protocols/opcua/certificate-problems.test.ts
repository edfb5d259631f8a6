import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { modbusCertificateProblems } from "../../../../packages/partition/src/protocols/modbus/certificate-problems.ts";
import {
  certificateProblems,
  directoryTrouble,
} from "../../../../packages/partition/src/protocols/opcua/certificate-problems.ts";
import type { ModbusTls } from "../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import type {
  OpcUaConfiguration,
  OpcUaServer,
} from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { certificate, dayMs, privateKeyPem } from "../../../plant/certificates.ts";
import type { CertificateWishes } from "../../../plant/certificates.ts";
import { server } from "../../../plant/modbus-points.ts";
import { configuredServer } from "../../../plant/opcua-server.ts";
import { connectionKey, device, modbusXml } from "../../../plant/modbus-plant.ts";
import { opcUaXml } from "../../../plant/configuration-xml.ts";
import { Sandbox } from "../../commands/cpc.ts";

const folder = mkdtempSync(join(tmpdir(), "cpc-certificate-problems-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const right = { name: "client", uri: "urn:cpc-partition:test:client" } as const;
let count = 0;

async function pair(wishes: Partial<CertificateWishes> = {}): Promise<Partial<OpcUaServer>> {
  const { der, keys } = await certificate({ ...right, ...wishes });
  const clientCertificateFile = join(folder, `${++count}.der`);
  const clientPrivateKeyFile = join(folder, `${count}.pem`);
  writeFileSync(clientCertificateFile, der);
  writeFileSync(clientPrivateKeyFile, await privateKeyPem(keys), { mode: 0o600 });
  return { clientCertificateFile, clientPrivateKeyFile };
}

function configurationOf(change: Partial<OpcUaServer>): OpcUaConfiguration {
  const secure = { policy: "Basic256Sha256", mode: "SignAndEncrypt" } as const;
  return { servers: [configuredServer("opc.tcp://192.0.2.7:4840", { ...secure, ...change })] };
}

function saidOf(change: Partial<OpcUaServer>): string {
  const problems = certificateProblems(configurationOf(change), folder, Date.now());
  assert.ok(problems.every(({ file, message }) => file === "test.xml" && message.startsWith("server Server: ")));
  return problems.map(({ message }) => message).join("\n");
}

test("an own certificate that can be used is no problem, nor is one that has yet to be made", async () => {
  assert.equal(saidOf(await pair()), "");
  assert.equal(saidOf({}), "");
});

test("an own certificate that cannot be used is said before the start", async () => {
  assert.match(saidOf(await pair({ notAfterMs: Date.now() - 365.5 * dayMs })), /is EXPIRED 366 days ago; renew it/);
  assert.match(saidOf(await pair({ notBeforeMs: Date.now() + 2 * dayMs })), /is not valid before .*clock/);
  assert.match(saidOf(await pair({ uri: "urn:other" })), /has the URI urn:other; <client_app_uri> must be the same/);
  const { clientPrivateKeyFile } = await pair({ keyName: "another" });
  assert.match(saidOf({ ...(await pair()), clientPrivateKeyFile }), /is not its private key/);
  const open = await pair();
  chmodSync(open.clientPrivateKeyFile ?? "", 0o644);
  assert.match(saidOf(open), /others than its owner/);
  assert.match(saidOf({ applicationUri: "u" }), /no certificate can be made for "u"; <client_app_uri> must be a URI/);
});

test("a user certificate that cannot be used is said before the start, too", async () => {
  const userOf = async (
    key: Partial<OpcUaServer>,
    wishes: Partial<CertificateWishes> = {},
  ): Promise<Partial<OpcUaServer>> => {
    const { clientCertificateFile: certificateFile = "" } = await pair({ name: "user", ...wishes });
    const privateKeyFile = key.clientPrivateKeyFile ?? certificateFile.replace(/der$/, "pem");
    return { identity: { kind: "Certificate", certificateFile, privateKeyFile, privateKeyPassphrase: undefined } };
  };
  assert.equal(saidOf(await userOf({})), "");
  assert.match(saidOf(await userOf(await pair({ keyName: "another" }))), /is not its private key/);
  const expired = await userOf({}, { notAfterMs: Date.now() - 2 * dayMs });
  assert.match(saidOf(expired), /the user certificate .* is EXPIRED .*; renew it/);
});

test("what a Modbus device behind TLS cannot be reached with is said before the start, too", async () => {
  const said = (tls: Partial<ModbusTls>): string => {
    const configured = server(502, [], { alias: "Device", tls: { ...usable, ...tls } });
    return modbusCertificateProblems({ servers: [configured] }, Date.now())
      .map(({ message }) => message)
      .join("\n");
  };
  const own = await pair();
  const usable = {
    caFile: own.clientCertificateFile ?? "",
    clientCertificateFile: own.clientCertificateFile ?? "",
    clientPrivateKeyFile: own.clientPrivateKeyFile ?? "",
    serverName: "plc",
    minimumVersion: "1.2",
  } as const;
  assert.equal(said({}), "");
  assert.match(said({ caFile: join(folder, "none.pem") }), /^server Device: .*none\.pem/);
  const { clientPrivateKeyFile = "" } = await pair({ keyName: "another" });
  assert.match(said({ clientPrivateKeyFile }), /cannot use certificate .* with private key/);
  const { clientCertificateFile: caFile = "" } = await pair({ notAfterMs: Date.now() - 2 * dayMs });
  assert.match(said({ caFile }), /the certificate .* is EXPIRED .*; renew it/);
});

test("a pinned certificate that would be refused is said with the way out", async () => {
  const { clientCertificateFile: serverCertificateFile } = await pair({ name: "plc", key: { bits: 1024 } });
  assert.match(
    saidOf({ ...(await pair()), serverCertificateFile }),
    /would be refused: .*1024 bits.*<ignore_key_length>/,
  );
});

test("a certificates directory is needed for security alone, and named absolute when it cannot be used", () => {
  const nowhere = join(folder, "file");
  writeFileSync(nowhere, "");
  const trouble = directoryTrouble(configurationOf({}), nowhere);
  assert.match(trouble ?? "", /^cannot use the certificates directory \/.*--certificates or CPC_CERTIFICATES$/);
  assert.equal(directoryTrouble(configurationOf({ policy: "None", mode: "None" }), nowhere), undefined);
  assert.equal(directoryTrouble(configurationOf({}), join(folder, "to", "be", "made")), undefined);
  const withPassword = { identity: { kind: "UserName", userName: "u", password: "p" } } as const;
  assert.ok(directoryTrouble(configurationOf({ policy: "None", mode: "None", ...withPassword }), nowhere));
  const withoutOwn = mkdtempSync(join(folder, "own-"));
  writeFileSync(join(withoutOwn, "own"), "");
  assert.match(directoryTrouble(configurationOf({}), withoutOwn) ?? "", /own is not a directory/);
});

test(
  "check refuses what run cannot use, and run does not start without its directory",
  { timeout: 200_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const file = sandbox.write("opcua.xml", opcUaXml({ alias: "A", url: "opc.tcp://127.0.0.1:1" }));
    writeFileSync(join(sandbox.folder, "certificates"), "");
    const checked = await sandbox.cpc(["check", file]).ended;
    assert.equal(checked.code, 2, checked.stderr);
    assert.match(checked.stderr, /cannot use the certificates directory/);
    const ran = await sandbox.run("--opcua", file).ended;
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stderr, new RegExp(`cannot use the certificates directory ${sandbox.folder}/certificates`));
    assert.deepEqual(sandbox.ownObjects(), []);
    assert.ok(readdirSync(sandbox.folder).includes("certificates"));
  },
);

test("check refuses a Modbus device whose certificates cannot be used, and run says it and goes on", async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  mkdirSync(join(sandbox.folder, "certificates"));
  for (const name of ["wrong.pem", "wrong.key"])
    writeFileSync(join(sandbox.folder, "certificates", name), "no certificate", { mode: 0o600 });
  const settings = `<tls><ca>wrong.pem</ca><client_certificate>wrong.pem</client_certificate>
    <client_private_key>wrong.key</client_private_key><server_name>plc</server_name></tls>`;
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port, settings }, { alias: "B", port }));
  const checked = await sandbox.cpc(["check", file]).ended;
  assert.equal(checked.code, 2, checked.stderr);
  assert.match(checked.stderr, /server A: .*wrong\.pem/);
  const run = sandbox.run("--modbus", file);
  await run.until("B is connected", () => sandbox.value(connectionKey("B")) === true);
  assert.equal(run.logged(/server A: .*wrong\.pem/).length, 1);
});
