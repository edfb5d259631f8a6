import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { createApplicationCertificate } from "../../../packages/partition/src/certificates/application-certificate.ts";
import { CertificateError, fingerprint } from "../../../packages/partition/src/certificates/certificate-file.ts";
import { TrustList } from "../../../packages/partition/src/certificates/trust-list.ts";
import { revocationList } from "../../plant/certificates.ts";
import { oddFiles, placeOdd } from "../../odd-files.ts";
import { syncedAtOnce } from "../../synced-paths.ts";

let folder: string;
let directory: string;
let trustList: TrustList;
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
  trustList = new TrustList(directory);
});

after(() => rmSync(folder, { recursive: true }));

describe("the trust list", () => {
  test("trusts nobody when there is no folder", () => {
    assert.deepEqual(trustList.trustedCertificates(), []);
  });

  for (const kind of oddFiles)
    test(`is not held up by a ${kind} in place of a file in it`, async (t) => {
      mkdirSync(trustList.trustedFolder, { recursive: true });
      const draft = trustList.trust(one);
      rmSync(draft);
      await placeOdd(t, kind, `${draft}.part`);
      await placeOdd(t, kind, join(trustList.trustedFolder, "odd.der"));
      if (kind === "directory") assert.throws(() => trustList.trust(one), CertificateError);
      else trustList.trust(one);
      assert.equal(trustList.trustedCertificates().length, kind === "directory" ? 0 : 1);
    });

  test("has trust that was given or withdrawn on the disk", (t) => {
    const synced = syncedAtOnce(t, () => readdirSync(trustList.trustedFolder).length);
    const file = trustList.trust(one);
    assert.deepEqual(synced.splice(0), [
      [file, 1],
      [trustList.trustedFolder, 1],
    ]);
    trustList.reject(one);
    assert.deepEqual(synced, [[trustList.trustedFolder, 0]]);
  });

  test("sees what lies in trusted/certs at the moment, DER or PEM, and passes over what is no certificate", () => {
    mkdirSync(trustList.trustedFolder, { recursive: true });
    writeFileSync(join(trustList.trustedFolder, "a.der"), one);
    writeFileSync(join(trustList.trustedFolder, "b.pem"), new X509Certificate(two).toString());
    writeFileSync(join(trustList.trustedFolder, "c.der"), "not a certificate");
    writeFileSync(join(trustList.trustedFolder, "d.txt"), one);
    assert.deepEqual(trustList.trustedCertificates(), [one, two]);
    rmSync(join(trustList.trustedFolder, "a.der"));
    assert.deepEqual(trustList.trustedCertificates(), [two]);
  });

  test("reads issuers and the revocation lists of both folders, and passes over what is none", async () => {
    const issuer = { name: "root" };
    const list = await revocationList({ issuer });
    for (const path of [trustList.issuersFolder, ...trustList.revocationFolders]) mkdirSync(path, { recursive: true });
    writeFileSync(
      join(trustList.issuersFolder, "chain.pem"),
      [one, two].map((der) => new X509Certificate(der).toString()).join(""),
    );
    const [trustedLists = "", issuersLists = ""] = trustList.revocationFolders;
    writeFileSync(join(trustedLists, "a.crl"), list);
    const base64 = list.toString("base64");
    writeFileSync(join(issuersLists, "b.pem"), `-----BEGIN X509 CRL-----\n${base64}\n-----END X509 CRL-----\n`);
    writeFileSync(join(issuersLists, "c.crl"), "rubbish");
    const rubbish = `cannot read revocation list ${join(issuersLists, "c.crl")}: no DER certificate at byte 0`;
    assert.deepEqual(trustList.material(), {
      trusted: [],
      issuers: [one, two],
      revocationLists: [list, list],
      unusable: [rubbish],
    });
  });

  test("names each file and folder that cannot be read, and goes on with the rest", () => {
    const closed = join(trustList.trustedFolder, "closed.der");
    mkdirSync(closed, { recursive: true });
    writeFileSync(join(trustList.trustedFolder, "good.der"), one);
    mkdirSync(join(trustList.directory, "issuers"));
    writeFileSync(trustList.issuersFolder, "a file where the folder should be");
    const { trusted, unusable } = trustList.material();
    assert.deepEqual(trusted, [one]);
    assert.deepEqual(unusable, [
      `cannot read certificate ${closed}: it is a directory`,
      `cannot read the folder ${trustList.issuersFolder}: a part of its path is not a directory`,
    ]);
  });

  test("keeps a rejected certificate once, under a harmless name, from where it can be moved to the trusted ones", () => {
    const kept = trustList.keepRejected(one);
    assert.deepEqual(trustList.keepRejected(one), kept);
    const path = kept.outcome === "Kept" ? kept.file : assert.fail(kept.outcome);
    assert.deepEqual(readdirSync(trustList.rejectedFolder), [basename(path)]);
    assert.match(basename(path), /^[A-Za-z0-9-]+\.der$/);
    assert.ok(path.includes(fingerprint(one)));
    renameSync(path, join(trustList.trustedFolder, basename(path)));
    assert.deepEqual(trustList.trustedCertificates(), [one]);
  });

  test("does not let strangers fill the disk", () => {
    mkdirSync(trustList.rejectedFolder, { recursive: true });
    for (let i = 0; i < 100; i++) writeFileSync(join(trustList.rejectedFolder, `${i}.der`), "");
    assert.deepEqual(trustList.keepRejected(one), { outcome: "Full" });
    assert.equal(readdirSync(trustList.rejectedFolder).length, 100);
  });

  test("keeps of each server the newest five, whatever it shows, and leaves room for others", () => {
    const shown = Array.from({ length: 200 }, (_, number) => Buffer.from(`certificate ${number}`));
    let clock = Date.now() / 1000 - shown.length;
    for (const each of shown) {
      const kept = trustList.keepRejected(each, "hostile-server");
      const file = kept.outcome === "Kept" ? kept.file : assert.fail(kept.outcome);
      assert.match(basename(file), /^hostile-server\.unreadable-[0-9a-f]{64}\.der$/);
      utimesSync(file, clock, ++clock);
    }
    const last = shown.slice(-5).map((each) => `hostile-server.unreadable-${fingerprint(each)}.der`);
    assert.deepEqual(readdirSync(trustList.rejectedFolder).toSorted(), last.toSorted());
    assert.equal(trustList.keepRejected(one, "another server").outcome, "Kept");
    const present = readdirSync(trustList.rejectedFolder);
    assert.equal(present.length, 6);
    assert.equal(trustList.keepRejected(one, "hostile-server").outcome, "Kept");
    assert.deepEqual(readdirSync(trustList.rejectedFolder), present, "the same certificate is there once");
  });

  test("keeps the certificate of each server, in whatever letters its alias is written", () => {
    const aliases = [
      "Öl",
      "Äl",
      "l",
      "反应釜一",
      "反应釜二",
      "Насос",
      "server",
      "Tank 1",
      "Tank-1",
      "x".repeat(41),
      "x".repeat(42),
    ];
    for (const alias of aliases)
      for (let number = 0; number < 3; number++) trustList.keepRejected(Buffer.from(`${alias} ${number}`), alias);
    assert.equal(readdirSync(trustList.rejectedFolder).length, 3 * aliases.length);
  });

  test("does not keep what is larger than any certificate", () => {
    assert.deepEqual(trustList.keepRejected(Buffer.alloc(16 * 1024 + 1), "server"), { outcome: "TooLarge" });
    assert.equal(existsSync(trustList.rejectedFolder), false);
  });

  test("keeps even what is no certificate", () => {
    const kept = trustList.keepRejected(Buffer.from("rubbish"));
    assert.match(kept.outcome === "Kept" ? kept.file : "", /unreadable-[0-9a-f]{64}\.der$/);
  });

  test("does not put among the rejected what is trusted", () => {
    trustList.trust(one);
    assert.deepEqual(trustList.keepRejected(one), { outcome: "Trusted" });
    assert.deepEqual(readdirSync(trustList.rejectedFolder), []);
  });

  test("makes every folder that an operator may need with the first certificate", () => {
    trustList.keepRejected(one);
    for (const made of [trustList.trustedFolder, trustList.issuersFolder, ...trustList.revocationFolders]) {
      assert.ok(existsSync(made), made);
    }
  });

  test("says when it cannot write", () => {
    writeFileSync(join(directory, "rejected"), "a file where a folder should be");
    assert.throws(() => trustList.keepRejected(one), CertificateError);
  });
});

test("folders are absolute, so that a message can be pasted anywhere", () => {
  assert.equal(new TrustList("certificates").trustedFolder, join(process.cwd(), "certificates", "trusted", "certs"));
});
