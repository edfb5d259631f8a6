import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { createApplicationCertificate } from "../../src/certificates/application-certificate.ts";
import { CertificateError, fingerprint } from "../../src/certificates/certificate-file.ts";
import { failedServerCertificateChecks } from "../../src/certificates/server-certificate-check.ts";
import { TrustList } from "../../src/certificates/trust-list.ts";

let folder: string;
let directory: string;
let list: TrustList;
let one: Buffer;
let two: Buffer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), `cpc-trust-${process.pid}-`));
  [one, two] = (await Promise.all(["one", "two"].map(certificate))) as [Buffer, Buffer];
});

async function certificate(name: string): Promise<Buffer> {
  const certificateFile = join(folder, `${name}.der`);
  const privateKeyFile = join(folder, `${name}.pem`);
  await createApplicationCertificate({
    applicationUri: `urn:test:${name}`,
    hostNames: ["localhost"],
    commonName: `../${name}\u001b[31m`,
    certificateFile,
    privateKeyFile,
    validDays: 1,
  });
  return readFileSync(certificateFile);
}

beforeEach(() => {
  directory = mkdtempSync(join(folder, "list-"));
  list = new TrustList(directory);
});

after(() => rmSync(folder, { recursive: true }));

describe("the trust list", () => {
  test("trusts nobody when there is no folder", () => {
    assert.deepEqual(list.trustedCertificates(), []);
  });

  test("sees what lies in trusted/certs at the moment, DER or PEM, and passes over what is no certificate", () => {
    mkdirSync(list.trustedFolder, { recursive: true });
    writeFileSync(join(list.trustedFolder, "a.der"), one);
    writeFileSync(join(list.trustedFolder, "b.pem"), new X509Certificate(two).toString());
    writeFileSync(join(list.trustedFolder, "c.der"), "not a certificate");
    writeFileSync(join(list.trustedFolder, "d.txt"), one);
    assert.deepEqual(list.trustedCertificates(), [one, two]);
    rmSync(join(list.trustedFolder, "a.der"));
    assert.deepEqual(list.trustedCertificates(), [two]);
  });

  test("keeps a rejected certificate once, under a harmless name, from where it can be moved to the trusted ones", () => {
    const path = list.keepRejected(one);
    assert.ok(path !== undefined);
    assert.equal(list.keepRejected(one), path);
    assert.deepEqual(readdirSync(list.rejectedFolder), [basename(path)]);
    assert.match(basename(path), /^[A-Za-z0-9-]+\.der$/);
    assert.ok(path.includes(fingerprint(one)));
    renameSync(path, join(list.trustedFolder, basename(path)));
    assert.deepEqual(list.trustedCertificates(), [one]);
  });

  test("does not let strangers fill the disk", () => {
    mkdirSync(list.rejectedFolder, { recursive: true });
    for (let i = 0; i < 100; i++) writeFileSync(join(list.rejectedFolder, `${i}.der`), "");
    assert.equal(list.keepRejected(one), undefined);
    assert.equal(readdirSync(list.rejectedFolder).length, 100);
  });

  test("keeps even what is no certificate", () => {
    assert.match(list.keepRejected(Buffer.from("rubbish")) ?? "", /unreadable-[0-9a-f]{64}\.der$/);
  });

  test("says when it cannot write", () => {
    writeFileSync(join(directory, "rejected"), "a file where a folder should be");
    assert.throws(() => list.keepRejected(one), CertificateError);
  });
});

function checks(bytes: Uint8Array, pinned: Buffer | undefined, trusted: readonly Buffer[]): string[] {
  return failedServerCertificateChecks(bytes, { pinned, trusted }).map(({ check }) => check);
}

describe("the check of a server's certificate", () => {
  test("accepts the very certificate that is trusted, and nothing else", () => {
    assert.deepEqual(checks(one, undefined, [two, one]), []);
    assert.deepEqual(checks(one, undefined, [two]), ["Trusted"]);
    assert.deepEqual(checks(one, undefined, []), ["Trusted"]);
  });

  test("accepts the pinned certificate without the trust list, and no trusted one in its place", () => {
    assert.deepEqual(checks(one, one, []), []);
    assert.deepEqual(checks(one, two, [one]), ["Pinned"]);
  });

  test("refuses a certificate that differs in one bit, and what is none", () => {
    const changed = Buffer.from(one);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    assert.deepEqual(checks(changed, undefined, [one]), ["Trusted"]);
    assert.deepEqual(checks(changed, one, []), ["Pinned"]);
    assert.deepEqual(checks(Buffer.from("rubbish"), undefined, [Buffer.from("rubbish")]), ["Readable"]);
  });
});
