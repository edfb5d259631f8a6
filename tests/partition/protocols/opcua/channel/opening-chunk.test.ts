import assert from "node:assert/strict";
import { test } from "node:test";
import { flawOfOpening } from "../../../../../packages/partition/src/protocols/opcua/channel/opening-chunk.ts";
import { chunk, text, words } from "../../../../plant/rogue-opcua.ts";

const certificate = Buffer.from("the certificate that was checked");
const policy = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256";

function opening(sender: Buffer, encryptedBytes: number): Buffer {
  return chunk("OPN", words(1), text(policy), text(sender), text(Buffer.alloc(20)), Buffer.alloc(encryptedBytes));
}

test("an answer of the server whose certificate was checked may be decrypted, with its chain behind it or without", () => {
  assert.equal(flawOfOpening(opening(certificate, 768), certificate), undefined);
  assert.equal(flawOfOpening(opening(Buffer.concat([certificate, certificate]), 2048), certificate), undefined);
});

test("another certificate is a flaw, and so is none", () => {
  for (const sender of [Buffer.from("another certificate that is long"), certificate.subarray(1), Buffer.alloc(0)]) {
    assert.match(flawOfOpening(opening(sender, 768), certificate) ?? "", /another certificate/);
  }
});

test("more blocks than an answer has are not decrypted: each costs a calculation with our key", () => {
  assert.match(flawOfOpening(opening(certificate, 2049), certificate) ?? "", /2049 encrypted bytes/);
});

test("a chunk that is cut off, or not the only one, is a flaw, with security and without", () => {
  const whole = opening(certificate, 0);
  for (const expected of [certificate, undefined]) {
    for (let length = 12; length < whole.length; length++) {
      assert.match(flawOfOpening(whole.subarray(0, length), expected) ?? "", /cut off/, `${length} bytes`);
    }
  }
  whole.write("C", 3, "latin1");
  assert.match(flawOfOpening(whole, undefined) ?? "", /more than one chunk/);
});

test("without security nothing is compared", () => {
  assert.equal(flawOfOpening(opening(Buffer.alloc(0), 9000), undefined), undefined);
});
