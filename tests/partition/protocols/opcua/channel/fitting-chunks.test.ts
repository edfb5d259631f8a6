// Chunks that are as long as their message, against those of the library: the same bytes, in less memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DataType,
  DataValue,
  MessageChunker,
  MessageSecurityMode,
  ReadResponse,
  SymmetricAlgorithmSecurityHeader,
  Variant,
} from "node-opcua-client";
import { Connections } from "../../../../../packages/partition/src/protocols/opcua/channel/transport.ts";

/** Another size than that of the memory which small buffers share. */
const chunkSize = 80_000;
/** Of the policies with the longest ones. */
const signatureLength = 32;
const blockBytes = 16;

const signed = {
  cipherBlockSize: 0,
  plainBlockSize: 0,
  signatureLength,
  signBufferFunc: (bytes: Buffer) => Buffer.alloc(signatureLength, bytes.length % 251),
};
const modes = [
  [MessageSecurityMode.None, { cipherBlockSize: 0, plainBlockSize: 0, signatureLength: 0 }],
  [MessageSecurityMode.Sign, signed],
  [
    MessageSecurityMode.SignAndEncrypt,
    {
      ...signed,
      cipherBlockSize: blockBytes,
      plainBlockSize: blockBytes,
      encryptBufferFunc: (bytes: Buffer) => Buffer.from(bytes.map((byte) => byte ^ 0x55)),
    },
  ],
] as const;

function messageOf(bytes: number): ReadResponse {
  const value = new Variant({ dataType: DataType.ByteString, value: Buffer.alloc(bytes, 7) });
  return new ReadResponse({ responseHeader: { timestamp: new Date(0) }, results: [new DataValue({ value })] });
}

function chunksOf(bytes: number, [securityMode, security]: (typeof modes)[number]): Buffer[] {
  const chunks: Buffer[] = [];
  const parameters = {
    channelId: 1,
    securityHeader: new SymmetricAlgorithmSecurityHeader({ tokenId: 1 }),
    securityOptions: { requestId: 1, chunkSize, sequenceHeaderSize: 8, ...security },
  };
  new MessageChunker({ securityMode }).chunkSecureMessage("MSG", parameters, messageOf(bytes), (chunk) => {
    if (chunk !== null) chunks.push(chunk);
  });
  return chunks;
}

test("a chunk has the bytes that it had, and memory for no more than its message", () => {
  const sizes = [0, 1, 100, 8000, 8192, 40_000, 200_000];
  for (let around = chunkSize - 200; around < chunkSize + 20; around++) sizes.push(around);
  const cases = sizes.flatMap((bytes) => modes.map((mode) => [bytes, mode] as const));
  const expected = cases.map(([bytes, mode]) => chunksOf(bytes, mode));
  assert.equal(
    expected[0]?.[0]?.buffer.byteLength,
    chunkSize,
    "the library still makes chunks as large as they may be",
  );
  new Connections().create();
  for (const [index, [bytes, mode]] of cases.entries()) {
    const chunks = chunksOf(bytes, mode);
    assert.deepEqual(chunks, expected[index], `${bytes} bytes, mode ${mode[0]}`);
    // The library's small buffers share their memory.
    const [only] = chunks;
    if (only !== undefined && chunks.length === 1 && bytes >= Buffer.poolSize / 2)
      assert.ok(only.buffer.byteLength <= only.length + 256);
  }
});
