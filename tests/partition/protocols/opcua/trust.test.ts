// What the check of a certificate decides, against a real server: its certificate is issued by an authority. For certificates that no
// server runs with, its endpoint descriptions show another one; the refusal must come before a secure channel is tried.

import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { ApplicationDescription, GetEndpointsResponse } from "node-opcua-client";
import { createOwnCertificate } from "../../../../packages/partition/src/certificates/own-certificate-files.ts";
import { noRelaxations } from "../../../../packages/partition/src/certificates/server-certificate-check.ts";
import type { OpcUaServer } from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import type { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { certificate, dayMs, privateKeyPem, revocationList } from "../../../plant/certificates.ts";
import type { CertificateWishes } from "../../../plant/certificates.ts";
import { connectAndRead, OpcUaRig, polled, readOnce } from "../../../plant/opcua-rig.ts";
import { never, type CertificateFiles } from "../../../plant/opcua-server.ts";

const root = { name: "plant authority" };
const serverUri = "urn:cpc-partition:test:server";
const now = Date.now();
const right = { name: "server", issuer: root, serialNumber: "0a", uri: serverUri, hosts: ["127.0.0.1"] } as const;

let serverFile: string;
let rootDer: Buffer;

/** The files of a server whose certificate is like this. */
async function filesOf(folder: string, name: string, wishes: CertificateWishes): Promise<CertificateFiles> {
  const { der, keys } = await certificate(wishes);
  const files = { certificateFile: join(folder, `${name}.der`), privateKeyFile: join(folder, `${name}.pem`) };
  writeFileSync(files.certificateFile, der);
  writeFileSync(files.privateKeyFile, await privateKeyPem(keys), { mode: 0o600 });
  return files;
}

const rig = new OpcUaRig({
  client: { policy: "Basic256Sha256", mode: "SignAndEncrypt" },
  certificate: async (folder) => {
    rootDer = (await certificate({ ...root, authority: true })).der;
    const files = await filesOf(folder, "server", right);
    serverFile = files.certificateFile;
    return files;
  },
});

beforeEach(async () => {
  for (const kind of ["trusted", "issuers", "rejected"])
    rmSync(join(rig.directory, kind), { recursive: true, force: true });
  put("trusted/certs/authority.der", rootDer);
  put("trusted/crl/authority.crl", await revocationList({ issuer: root }));
});

function put(name: string, content: Uint8Array | string, mode = 0o600): string {
  const file = join(rig.directory, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, content, { mode });
  chmodSync(file, mode);
  return file;
}

/** The refusal's message names these checks, early enough for the 192 bytes that the status has room for. */
async function refusedBy(work: Promise<unknown>, ...checks: readonly string[]): Promise<void> {
  await assert.rejects(work, (error: ServerError) => {
    assert.equal(error.code, "SecurityRefused", error.message);
    assert.ok(error.message.slice(0, 192).includes(`(${checks.join(", ")})`), error.message);
    return true;
  });
}

/** While `body` runs, the server's endpoint descriptions show another certificate. */
async function showing(shown: Buffer, body: () => Promise<void>): Promise<void> {
  const descriptions = rig.server.endpoints[0]?.endpointDescriptions() ?? [];
  const real = descriptions.map(({ serverCertificate }) => serverCertificate);
  const show = (of: (i: number) => Buffer): void =>
    descriptions.forEach((description, i) =>
      Object.defineProperty(description, "serverCertificate", { value: of(i), configurable: true, writable: true }),
    );
  show(() => shown);
  try {
    await body();
  } finally {
    show((i) => real[i] ?? Buffer.alloc(0));
  }
}

test("a server whose authority is trusted connects, in silence", async () => {
  await connectAndRead(rig.client());
  assert.deepEqual(rig.logged, []);
});

describe("a server's certificate is refused by name, and no channel is tried with it, when it", () => {
  const cases: readonly (readonly [string, Partial<CertificateWishes>, readonly string[]])[] = [
    ["expired", { notAfterMs: now - 1000 }, ["Expired"]],
    ["is not yet valid", { notBeforeMs: now + dayMs }, ["NotYetValid"]],
    ["is for another host", { hosts: ["other.example"] }, ["HostName"]],
    ["has another application URI than the server", { uri: "urn:example:other" }, ["ApplicationUri"]],
    ["has 1024 bits", { key: { bits: 1024 } }, ["KeyLength"]],
    ["has an elliptic curve key", { key: { type: "EC" } }, ["KeyType"]],
    [
      "is signed by a key that is not the authority's",
      { issuer: { ...root, keyName: "impostor" } },
      ["Trusted", "Signature"],
    ],
  ];
  for (const [what, wishes, checks] of cases) {
    test(what, async () => {
      const { der } = await certificate({ ...right, ...wishes });
      const proxy = await rig.proxy();
      await showing(der, () => refusedBy(connectAndRead(rig.client({}, proxy.url)), ...checks));
      assert.equal(proxy.connections, 1);
    });
  }

  test("is signed with SHA-1", async () => {
    const { der } = await certificate({ ...right, name: "old", issuer: { name: "old" }, key: { hash: "SHA-1" } });
    const { der: self } = await certificate({
      name: "old",
      key: { hash: "SHA-1" },
      uri: serverUri,
      hosts: ["127.0.0.1"],
    });
    put("trusted/certs/old.der", self);
    await showing(self, () => refusedBy(connectAndRead(rig.client()), "HashAlgorithm"));
    assert.notDeepEqual(der, self);
  });

  test("was revoked", async () => {
    put("trusted/crl/authority.crl", await revocationList({ issuer: root, revoked: ["0a"] }));
    await refusedBy(connectAndRead(rig.client()), "Revoked");
  });

  test("has no revocation list", async () => {
    rmSync(join(rig.directory, "trusted", "crl"), { recursive: true });
    await refusedBy(connectAndRead(rig.client()), "RevocationUnknown");
  });

  test("is malformed", async () => {
    const der = readFileSync(serverFile);
    der.fill(0xff, 20, 60);
    await showing(der, () => refusedBy(connectAndRead(rig.client()), "Readable"));
  });

  test("is pinned, the same, and revoked: being named is not enough", async () => {
    put("trusted/crl/authority.crl", await revocationList({ issuer: root, revoked: ["0a"] }));
    await refusedBy(connectAndRead(rig.client({ serverCertificateFile: serverFile })), "Revoked");
  });
});

describe("while connected", () => {
  test("a certificate that is revoked ends the connection at the next look", async () => {
    const client = rig.client({}, rig.url, { recheckMs: 0 });
    await client.connect(never);
    await readOnce(client);
    put("trusted/crl/authority.crl", await revocationList({ issuer: root, revoked: ["0a"] }));
    await refusedBy(polled(client), "Revoked");
  });

  test("nothing is looked at before the time has come", async () => {
    let nowMs = now;
    const client = rig.client({}, rig.url, { nowMs: () => nowMs, recheckMs: 60_000 });
    await client.connect(never);
    rmSync(join(rig.directory, "trusted"), { recursive: true });
    nowMs += 59_999;
    await readOnce(client);
    nowMs += 1;
    await refusedBy(polled(client), "Trusted", "Chain", "RevocationUnknown");
  });

  test("a certificate that ends is noticed at once, whenever the next look is due", async () => {
    let nowMs = now;
    put("trusted/crl/authority.crl", await revocationList({ issuer: root, nextUpdateMs: now + 300 * dayMs }));
    const client = rig.client({}, rig.url, { nowMs: () => nowMs, recheckMs: 1000 * dayMs });
    await client.connect(never);
    nowMs += 99 * dayMs;
    await readOnce(client);
    nowMs += 2 * dayMs;
    await refusedBy(polled(client), "Expired", "Expired");
  });

  test("a clock that is set back does not put off the next look", async () => {
    let nowMs = now;
    const client = rig.client({}, rig.url, { nowMs: () => nowMs, recheckMs: 60_000 });
    await client.connect(never);
    rmSync(join(rig.directory, "trusted"), { recursive: true });
    nowMs -= 3000;
    await refusedBy(polled(client), "Trusted", "Chain", "RevocationUnknown");
  });
});

test("what cannot be read of the trust list is told once, in the log and in each refusal, and the rest counts", async () => {
  mkdirSync(join(rig.directory, "trusted/certs/closed.der"));
  const why = `cannot read certificate ${join(rig.directory, "trusted/certs/closed.der")}: it is a directory`;
  for (const _ of [1, 2]) await connectAndRead(rig.client());
  assert.deepEqual(rig.logged, [`error ${why}; until then the trust list counts without it`]);
  rmSync(join(rig.directory, "trusted/certs/authority.der"));
  await assert.rejects(connectAndRead(rig.client()), (error: ServerError) =>
    error.message.includes(`. The trust list is not whole: ${why}. To do: `),
  );
});

test("the record of a refusal ends with the command; where the certificate lies is in a field", async () => {
  rmSync(join(rig.directory, "trusted"), { recursive: true });
  put("trusted/certs/server.der", readFileSync(serverFile).fill(0, 4));
  await assert.rejects(connectAndRead(rig.client()), ({ message, record }: ServerError) => {
    assert.ok(record);
    assert.match(
      record.message,
      /^cannot connect because its certificate, SHA-256 [0-9a-f]{64}, is refused \(Trusted.* cert trust --certificates \S+ [0-9a-f]{64}/,
    );
    const { url, kept } = record.fields;
    assert.equal(url, rig.url);
    assert.match(String(kept), /^It was kept as \S+\.der$/);
    assert.ok(message.startsWith(`${record.message}. It was kept as /`), message);
    return true;
  });
});

test("a refused server is tried again slowly, until it is connected", async () => {
  const client = rig.client({ retryIntervalMs: 10_000 });
  assert.equal(client.retryIntervalMs, 10_000);
  rmSync(join(rig.directory, "trusted"), { recursive: true });
  await assert.rejects(connectAndRead(client));
  assert.equal(client.retryIntervalMs, 60_000);
  put("trusted/certs/authority.der", rootDer);
  put("trusted/crl/authority.crl", await revocationList({ issuer: root }));
  await connectAndRead(client);
  assert.equal(client.retryIntervalMs, 10_000);
  await assert.rejects(connectAndRead(rig.client({}, "opc.tcp://127.0.0.1:1")), { code: "ConnectionFailed" });
  const patient = rig.client({ retryIntervalMs: 120_000 });
  rmSync(join(rig.directory, "trusted"), { recursive: true });
  await assert.rejects(connectAndRead(patient));
  assert.equal(patient.retryIntervalMs, 120_000);
});

test("a refused server is worth another attempt as soon as its certificate is trusted", async () => {
  const client = rig.client();
  rmSync(join(rig.directory, "trusted"), { recursive: true });
  await assert.rejects(connectAndRead(client));
  assert.equal(client.isWorthRetrying, false, "that the certificate was kept among the rejected is no reason");
  put("trusted/certs/server.der", readFileSync(serverFile));
  assert.equal(client.isWorthRetrying, true);
  await assert.rejects(connectAndRead(client));
  assert.equal(client.isWorthRetrying, false);
  put("issuers/certs/authority.der", rootDer);
  put("issuers/crl/authority.crl", await revocationList({ issuer: root }));
  assert.equal(client.isWorthRetrying, true);
  await connectAndRead(client);
  assert.equal(client.isWorthRetrying, false);
});

describe("what is overlooked", () => {
  const none = noRelaxations;

  test("is logged at every connect", async () => {
    rmSync(join(rig.directory, "trusted", "crl"), { recursive: true });
    const client = rig.client({ relaxations: { ...none, ignoreUnknownRevocation: true } });
    await connectAndRead(client);
    await connectAndRead(client);
    const uses = rig.logged.filter((line) =>
      line.startsWith("warn certificate check RevocationUnknown overlooked because <ignore_unknown_revocation>"),
    );
    assert.equal(uses.length, 2, rig.logged.join("\n"));
  });

  test("is another host with ignore_host_name, and with a pin", async () => {
    const proxy = await rig.proxy();
    const url = proxy.url.replace("127.0.0.1", "localhost");
    await refusedBy(connectAndRead(rig.client({}, url)), "HostName");
    await connectAndRead(rig.client({ relaxations: { ...none, ignoreHostName: true } }, url));
    await connectAndRead(rig.client({ serverCertificateFile: serverFile }, url));
    const uses = rig.logged.filter((line) => line.includes("HostName overlooked"));
    assert.match(uses.join("\n"), /<ignore_host_name> is set.*\n.*<server_certificate> names this very certificate/);
  });
});

test("an old device with a weak certificate for nobody connects when it is pinned and relaxed, with a warning for each use", async () => {
  const wishes = { name: "plc", key: { bits: 1024, hash: "SHA-1" }, uri: "", hosts: [] } as const;
  const old = await rig.another({
    certificate: (folder) => filesOf(folder, "plc", wishes),
    policies: ["Basic128Rsa15"],
  });
  const certificateFile = join(rig.folder, "plc.der");
  const pinned = { policy: "Basic128Rsa15", serverCertificateFile: certificateFile } as const;
  await assert.rejects(connectAndRead(rig.client(pinned, old.url)), {
    code: "SecurityRefused",
    message:
      /\(KeyLength, HashAlgorithm\).*KeyLength: .*<ignore_key_length>\. HashAlgorithm: .*<ignore_hash_algorithm>/,
  });
  assert.ok(!existsSync(join(rig.directory, "rejected")), "what is pinned was kept among the rejected");
  rig.logged = [];
  const relaxations = { ...noRelaxations, ignoreKeyLength: true, ignoreHashAlgorithm: true };
  await connectAndRead(rig.client({ ...pinned, relaxations }, old.url));
  assert.deepEqual(
    rig.logged.map((line) => line.replace(/: .*/, "")),
    [
      "warn certificate check KeyLength overlooked because <ignore_key_length> is set",
      "warn certificate check HashAlgorithm overlooked because <ignore_hash_algorithm> is set",
      "warn certificate check HostName overlooked because <server_certificate> names this very certificate",
      "warn certificate check ApplicationUri overlooked because <server_certificate> names this very certificate",
    ],
  );
});

test("the ends of both certificates are told in time, once", async () => {
  const nowMs = now + 94.5 * dayMs;
  put("trusted/crl/authority.crl", await revocationList({ issuer: root, nextUpdateMs: now + 300 * dayMs }));
  const client = rig.client({}, rig.url, { nowMs: () => nowMs });
  await connectAndRead(client);
  await connectAndRead(client);
  assert.deepEqual(
    rig.logged.map((line) => line.replace(/, at .*/, "")),
    ["warn the server's certificate ends in 5 days"],
  );
  assert.ok((client.ownCertificateEndsMs ?? 0) > now + 3000 * dayMs);
});

test("the end of the own certificate is told in time also where the connection lasts", async () => {
  const applicationUri = "urn:cpc-partition:short-lived";
  await createOwnCertificate(rig.directory, { applicationUri, hostNames: [], validDays: 40 });
  put("trusted/crl/authority.crl", await revocationList({ issuer: root, nextUpdateMs: now + 300 * dayMs }));
  let nowMs = now;
  const client = rig.client({ applicationUri }, rig.url, { nowMs: () => nowMs, recheckMs: 60_000 });
  await client.connect(never);
  await readOnce(client);
  assert.equal(rig.logged.length, 0);
  nowMs += 33.5 * dayMs;
  await readOnce(client);
  await readOnce(client);
  assert.deepEqual(
    rig.logged.map((line) => line.replace(/, at .*/, "")),
    ["warn the own certificate ends in 6 days"],
  );
});

test("a server that describes itself otherwise once the channel is secure is refused", async () => {
  let answers = 0;
  const change = (response: unknown): void => {
    if (!(response instanceof GetEndpointsResponse) || ++answers === 1) return;
    response.endpoints = (response.endpoints ?? []).map((endpoint) =>
      Object.assign(Object.create(Object.getPrototypeOf(endpoint)) as typeof endpoint, endpoint, {
        server: new ApplicationDescription({ applicationUri: "urn:another" }),
      }),
    );
  };
  rig.server.on("response", change);
  try {
    await assert.rejects(connectAndRead(rig.client()), { code: "SecurityRefused", message: /describes itself/ });
  } finally {
    rig.server.off("response", change);
  }
});

async function ownFiles(
  pem: string,
  mode = 0o600,
  wishes: Partial<CertificateWishes> = {},
): Promise<Partial<OpcUaServer>> {
  const { der } = await certificate({ name: "client", uri: "urn:cpc-partition:test:client", ...wishes });
  return {
    clientCertificateFile: put("client.der", der),
    clientPrivateKeyFile: put("client.pem", pem, mode),
  };
}

async function plainPem(wishes: Partial<CertificateWishes> = {}): Promise<string> {
  return privateKeyPem((await certificate({ name: "client", ...wishes })).keys);
}

async function refusedOwn(change: Partial<OpcUaServer>, reason: RegExp): Promise<void> {
  await assert.rejects(connectAndRead(rig.client(change)), { code: "SecurityRefused", message: reason });
}

describe("the client's own key", () => {
  test("may be encrypted: the right passphrase opens it, no other does, and none is shown", async () => {
    const key = createPrivateKey(await plainPem());
    const pem = key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "sesame" }) as string;
    const change = await ownFiles(pem);
    await connectAndRead(rig.client({ ...change, privateKeyPassphrase: "sesame" }));
    await refusedOwn(change, /is encrypted; a passphrase element is needed/);
    await refusedOwn({ ...change, privateKeyPassphrase: "mellon" }, /^(?!.*mellon).*cannot be decrypted/);
  });

  test("is refused when others can read it", async () => {
    await refusedOwn(await ownFiles(await plainPem(), 0o644), /others than its owner/);
  });

  test("is refused when it is another certificate's, an elliptic curve one or none", async () => {
    await refusedOwn(await ownFiles(await plainPem({ keyName: "another" })), /is not its private key/);
    await refusedOwn(await ownFiles("rubbish"), /not a private key in PEM form/);
    const curve = { key: { type: "EC" } } as const;
    await refusedOwn(await ownFiles(await plainPem(curve), 0o600, curve), /of type ec; .*RSA/);
  });
});
