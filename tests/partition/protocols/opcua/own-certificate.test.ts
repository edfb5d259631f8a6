// The partition's own certificate, where several of our processes share one certificates directory.

import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { ownCertificateFiles } from "../../../../packages/partition/src/certificates/own-certificate-files.ts";
import { ParsedCertificate } from "../../../../packages/partition/src/certificates/parsed-certificate.ts";
import { TrustList } from "../../../../packages/partition/src/certificates/trust-list.ts";
import { applicationKeyPair } from "../../../../packages/partition/src/protocols/opcua/own-certificate.ts";
import { configuredServer, temporaryFolder } from "../../../plant/opcua-server.ts";

const source = new URL("../../../../packages/partition/src/protocols/opcua/own-certificate.ts", import.meta.url).href;
const server = configuredServer("opc.tcp://127.0.0.1:4840", { policy: "Basic256Sha256", mode: "SignAndEncrypt" });

/** Threads load modules of their own, so they know of one another as little as processes do. */
function fingerprintIn(directory: string, atTheSameTime: SharedArrayBuffer): Promise<string> {
  const code = `
    const { parentPort, workerData } = require("node:worker_threads");
    void import(${JSON.stringify(source)}).then(async ({ applicationKeyPair }) => {
      const arrived = new Int32Array(workerData.atTheSameTime);
      Atomics.add(arrived, 0, 1);
      Atomics.notify(arrived, 0);
      for (let seen = Atomics.load(arrived, 0); seen < 3; seen = Atomics.load(arrived, 0)) Atomics.wait(arrived, 0, seen);
      const { certificateChain } = await applicationKeyPair(workerData.server, workerData.directory);
      parentPort.postMessage(certificateChain[0].toString("base64"));
    });`;
  const worker = new Worker(code, { eval: true, workerData: { server, directory, atTheSameTime } });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

describe("in a new directory", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder.remove());

  test("all that start at the same moment use the certificate of the first", { timeout: 200_000 }, async () => {
    const atTheSameTime = new SharedArrayBuffer(4);
    const directory = join(folder.path, "certificates");
    const found = await Promise.all([1, 2, 3].map(() => fingerprintIn(directory, atTheSameTime)));
    const { certificateFile } = ownCertificateFiles(directory, server.applicationUri);
    const expected = readFileSync(certificateFile).toString("base64");
    assert.deepEqual(found, [expected, expected, expected]);
    const { trustedFolder, issuersFolder, revocationFolders } = new TrustList(directory);
    for (const place of [trustedFolder, issuersFolder, ...revocationFolders]) assert.ok(existsSync(place), place);
  });

  test("a key whose maker was killed before it wrote the certificate gets one", { timeout: 200_000 }, async () => {
    const directory = join(folder.path, "half");
    await applicationKeyPair(server, directory);
    const { certificateFile, privateKeyFile } = ownCertificateFiles(directory, server.applicationUri);
    const key = readFileSync(privateKeyFile, "utf8");
    const lost = readFileSync(certificateFile);
    rmSync(certificateFile);
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(privateKeyFile, longAgo, longAgo);
    const { certificateChain } = await applicationKeyPair(server, directory);
    assert.equal(readFileSync(privateKeyFile, "utf8"), key);
    assert.ok(!certificateChain[0]!.equals(lost));
    const uris = [lost, certificateChain[0]!].map((der) => new ParsedCertificate(der).content.uris);
    assert.deepEqual(uris[1], uris[0]);
  });
});
