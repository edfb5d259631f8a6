import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { createApplicationCertificate } from "../../../packages/partition/src/certificates/application-certificate.ts";
import { syncedPaths } from "../../synced-paths.ts";

/** Object identifiers of RFC 5280 4.2.1.12. */
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";
const dayMs = 86_400_000;

describe("application instance certificate", () => {
  let directory = "";
  let files = { certificateFile: "", privateKeyFile: "" };
  let certificate: X509Certificate;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "cpc-certificate-"));
    files = filesIn("first");
    await createApplicationCertificate({
      ...files,
      applicationUri: "urn:pruefstand:cpc",
      hostNames: ["partition.example.com", "127.0.0.1", "2001:db8::1"],
      commonName: "Prüfstand, Halle 1",
      organization: "Musterwerk GmbH",
      validDays: 100,
    });
    certificate = new X509Certificate(readFileSync(files.certificateFile));
  });

  after(() => rmSync(directory, { recursive: true }));

  function filesIn(name: string): { certificateFile: string; privateKeyFile: string } {
    return { certificateFile: join(directory, `${name}.der`), privateKeyFile: join(directory, `${name}.pem`) };
  }

  function options(name: string) {
    return { ...filesIn(name), applicationUri: "urn:x:y", hostNames: ["localhost"], validDays: 1 };
  }

  it("names the application URI first, then hosts and addresses by their kind", () => {
    assert.equal(
      certificate.subjectAltName,
      "URI:urn:pruefstand:cpc, DNS:partition.example.com, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1",
    );
  });

  it("carries common name and organization, and is its own issuer", () => {
    assert.equal(certificate.subject, "CN=Prüfstand\\, Halle 1\nO=Musterwerk GmbH");
    assert.equal(certificate.issuer, certificate.subject);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.ca, false);
  });

  it("is signed with SHA-256 by RSA with 2048 bits", () => {
    assert.equal(certificate.publicKey.asymmetricKeyType, "rsa");
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
    // sha256WithRSAEncryption, 1.2.840.113549.1.1.11 (RFC 8017, A.2.4)
    assert.ok(certificate.raw.includes(Buffer.from("06092a864886f70d01010b", "hex")));
  });

  it("may be used as client and server, for signatures, key and data encipherment", () => {
    assert.deepEqual([...(certificate.keyUsage ?? [])].sort(), [clientAuth, serverAuth].sort());
    // keyUsage (2.5.29.15), critical, BIT STRING of six bits 1111 01: digitalSignature, nonRepudiation, keyEncipherment,
    // dataEncipherment, not keyAgreement, keyCertSign (RFC 5280, 4.2.1.3)
    assert.ok(certificate.raw.includes(Buffer.from("0603551d0f0101ff0404030202f4", "hex")));
  });

  it("is valid already and for the days asked for", () => {
    const now = Date.now();
    assert.ok(certificate.validFromDate.getTime() < now - 1000);
    const lifeDays = (certificate.validToDate.getTime() - now) / dayMs;
    assert.ok(lifeDays > 99.9 && lifeDays <= 100, `${lifeDays} days`);
  });

  it("has the private key in PKCS #8, readable by its owner alone", () => {
    const pem = readFileSync(files.privateKeyFile, "utf8");
    assert.match(pem, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.equal(statSync(files.privateKeyFile).mode & 0o777, 0o600);
    const text = Buffer.from("text");
    const signature = sign("sha256", text, createPrivateKey(pem));
    assert.ok(verify("sha256", text, certificate.publicKey, signature));
    assert.ok(createPublicKey(pem).equals(certificate.publicKey));
  });

  it("leaves no temporary file behind", () => {
    assert.deepEqual(readdirSync(directory).sort(), ["first.der", "first.pem"]);
  });

  it("is on the disk with its key", async (t) => {
    const synced = await syncedPaths(t);
    await createApplicationCertificate(options("synced"));
    assert.deepEqual(
      synced.map((path) => path.replace(/\.\w+\.new$/, "")),
      [filesIn("synced").privateKeyFile, directory, filesIn("synced").certificateFile, directory],
    );
  });

  it("never replaces a key that is there", async () => {
    const taken = options("taken");
    writeFileSync(taken.privateKeyFile, "precious");
    await assert.rejects(createApplicationCertificate(taken), { code: "AlreadyExists" });
    assert.equal(readFileSync(taken.privateKeyFile, "utf8"), "precious");
    assert.equal(existsSync(taken.certificateFile), false);
    rmSync(taken.privateKeyFile);
  });

  it("lets one of two that run at the same time win, with a certificate and a key that belong together", async () => {
    const race = options("race");
    const outcomes = await Promise.allSettled([createApplicationCertificate(race), createApplicationCertificate(race)]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const winner = new X509Certificate(readFileSync(race.certificateFile));
    assert.ok(winner.checkPrivateKey(createPrivateKey(readFileSync(race.privateKeyFile))));
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith(".new")),
      [],
    );
  });

  it("takes the key away again when the certificate cannot be written", async () => {
    const half = options("half");
    await assert.rejects(
      createApplicationCertificate({ ...half, certificateFile: join(directory, "no folder", "half.der") }),
      { code: "CannotWrite", message: /^cannot write .*half\.der because the folder ".*" does not exist$/ },
    );
    assert.equal(existsSync(half.privateKeyFile), false);
  });

  it("refuses what is no URI and a life that is no number of days", async () => {
    for (const applicationUri of ["", "no uri", "urn:with blank", "urn:ümlaut"]) {
      await assert.rejects(createApplicationCertificate({ ...options("bad"), applicationUri }), {
        code: "InvalidInput",
      });
    }
    for (const validDays of [0, -1, Number.NaN, 40_000]) {
      await assert.rejects(createApplicationCertificate({ ...options("bad"), validDays }), { code: "InvalidInput" });
    }
  });

  it("keeps the key private whatever the umask says", async () => {
    const previous = process.umask(0);
    try {
      await createApplicationCertificate(options("umask"));
    } finally {
      process.umask(previous);
    }
    assert.equal(statSync(filesIn("umask").privateKeyFile).mode & 0o777, 0o600);
  });
});
