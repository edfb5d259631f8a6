import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assert as check, property, uint8Array } from "fast-check";
import { createApplicationCertificate } from "../../../packages/partition/src/certificates/application-certificate.ts";
import {
  CertificateError,
  fingerprint,
  readCertificateFile,
  splitChain,
} from "../../../packages/partition/src/certificates/certificate-file.ts";

let folder: string;
let der: Buffer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), `cpc-certificate-${process.pid}-`));
  const certificateFile = join(folder, "a.der");
  await createApplicationCertificate({
    applicationUri: "urn:test",
    hostNames: ["localhost"],
    certificateFile,
    privateKeyFile: join(folder, "a.pem"),
    validDays: 1,
  });
  der = readFileSync(certificateFile);
});

after(() => rmSync(folder, { recursive: true }));

function file(content: string | Buffer): string {
  const path = join(folder, "content");
  writeFileSync(path, content);
  return path;
}

test("DER and PEM, alone and as a chain, give the same certificates", () => {
  const pem = new X509Certificate(der).toString();
  assert.deepEqual(readCertificateFile(file(der)), [der]);
  assert.deepEqual(readCertificateFile(file(pem)), [der]);
  assert.deepEqual(readCertificateFile(file(Buffer.concat([der, der]))), [der, der]);
  assert.deepEqual(readCertificateFile(file(`some text\n${pem}${pem}`)), [der, der]);
});

test("a file that is missing, empty, cut off or something else is named in the error", () => {
  const bad = [file(""), file("no certificate"), file(der.subarray(0, -1)), join(folder, "missing")];
  for (const path of bad) {
    assert.throws(
      () => readCertificateFile(path),
      (error) => error instanceof CertificateError && error.message.includes(path),
    );
  }
});

test("no bytes from the network make the splitter do anything but split or refuse", () => {
  check(
    property(uint8Array({ maxLength: 300 }), uint8Array({ maxLength: 3 }), (noise, start) => {
      for (const bytes of [noise, Uint8Array.of(0x30, ...start, ...noise), Buffer.concat([der, noise])]) {
        try {
          assert.deepEqual(Buffer.concat(splitChain(bytes)), Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof CertificateError);
        }
      }
    }),
  );
});

test("the fingerprint is that of openssl x509 -fingerprint -sha256", () => {
  assert.equal(fingerprint(der), new X509Certificate(der).fingerprint256.replaceAll(":", "").toLowerCase());
});
