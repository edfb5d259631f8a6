import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { CertificateError } from "../../../packages/partition/src/certificates/certificate-file.ts";
import { readPrivateKeyFile } from "../../../packages/partition/src/certificates/private-key-file.ts";

const folder = mkdtempSync(join(tmpdir(), `cpc-key-${process.pid}-`));
const file = join(folder, "client.key");
writeFileSync(file, "the key");
after(() => rmSync(folder, { recursive: true }));

function refused(mode: number): void {
  chmodSync(file, mode);
  assert.throws(
    () => readPrivateKeyFile(file),
    (error) => error instanceof CertificateError && error.message.includes(`mode 0${mode.toString(8)}`),
    mode.toString(8),
  );
}

test("a private key that others can read or change is refused", () => {
  for (const mode of [0o604, 0o602, 0o601, 0o620, 0o644, 0o666, 0o660]) refused(mode);
  if (process.getuid?.() !== 0) refused(0o640);
});

test("a private key of its owner alone is read", () => {
  for (const mode of [0o600, 0o400, 0o700]) {
    chmodSync(file, mode);
    assert.equal(readPrivateKeyFile(file), "the key");
  }
});

test("a group may read a key of root, but not one of somebody else", { skip: process.getuid?.() !== 0 }, () => {
  chmodSync(file, 0o640);
  assert.equal(readPrivateKeyFile(file), "the key");
  chownSync(file, 1234, 1234);
  refused(0o640);
});

test("a private key that is missing is a CertificateError", () => {
  assert.throws(() => readPrivateKeyFile(join(folder, "none")), {
    code: "CertificateError",
    message: /does not exist/,
  });
});
