import assert from "node:assert/strict";
import { test } from "node:test";
import { CertificateError } from "../../../packages/partition/src/certificates/certificate-file.ts";
import { splitShownChain } from "../../../packages/partition/src/certificates/shown-chain.ts";
import { certificate } from "../../plant/certificates.ts";

const { der: leaf } = await certificate({ name: "leaf", uri: "urn:leaf", hosts: ["plc", "192.168.10.30"] });
const empty = Buffer.from([0x30, 0]);

function refused(message: RegExp, ...parts: readonly Uint8Array[]): void {
  assert.throws(
    () => splitShownChain(Buffer.concat(parts)),
    (error) => error instanceof CertificateError && message.test(error.message),
  );
}

test("a chain of eight certificates is split, leaf first", () => {
  const chain = splitShownChain(Buffer.concat(Array.from({ length: 8 }, () => leaf)));
  assert.equal(chain.length, 8);
  for (const one of chain) assert.deepEqual(one, Buffer.from(leaf));
  assert.deepEqual(splitShownChain(Buffer.alloc(0)), []);
});

test("no more than eight are split, however many there are", () => {
  refused(/more than 8 certificates/, ...Array.from({ length: 9 }, () => leaf));
  refused(/more than 8 certificates, in 3\d{6} bytes/, leaf, Buffer.alloc(3_800_000, empty));
});

test("a certificate that is larger than any is refused by its size, whether it is there or not", () => {
  refused(/16389 bytes where 16384 are the most/, Buffer.from([0x30, 0x83, 0, 0x40, 0]), Buffer.alloc(0x4000));
  refused(/are the most/, Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]));
  refused(/cut off/, Buffer.from([0x30, 0x82, 1, 0]));
  refused(/no DER certificate/, Buffer.from("rubbish"));
});

test("so are certificates with more elements than a chain has", async () => {
  const { der } = await certificate({ name: "many", uri: "urn:many", hosts: Array.from({ length: 2000 }, () => "a") });
  refused(/more than 1500 elements/, der);
  const part = await certificate({ name: "part", uri: "urn:part", hosts: Array.from({ length: 300 }, () => "a") });
  assert.equal(splitShownChain(part.der).length, 1);
  refused(/more than 1500 elements/, ...Array.from({ length: 8 }, () => part.der));
});
