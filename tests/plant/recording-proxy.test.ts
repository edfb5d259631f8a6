// The recorder itself: what would not be noticed by it would not be noticed at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { modbusDecoder, opcUaDecoder, type Decoder, type OpcUaRequest } from "./recording-proxy.ts";

/** What a decoder records of bytes that come one by one. */
function recorded<Request>(
  decoder: (record: (request: Request) => void) => (bytes: Buffer) => void,
  ...messages: readonly Buffer[]
): Request[] {
  const requests: Request[] = [];
  const decode = decoder((request) => requests.push(request));
  for (const byte of Buffer.concat(messages)) decode(Buffer.of(byte));
  return requests;
}

function frame(...pdu: readonly number[]): Buffer {
  return Buffer.of(0, 1, 0, 0, 0, pdu.length + 1, 17, ...pdu);
}

/** Chunk header, channel, token, sequence and request id, body. */
function chunk(type: string, requestId: number, ...body: readonly number[]): Buffer {
  const header = Buffer.alloc(24);
  header.write(type, "latin1");
  header.writeUInt32LE(24 + body.length, 4);
  header.writeUInt32LE(requestId, 20);
  return Buffer.concat([header, Buffer.from(body)]);
}

function openChannel(policy: string): Buffer {
  const uri = Buffer.from(`http://opcfoundation.org/UA/SecurityPolicy#${policy}`);
  const bytes = Buffer.alloc(16 + uri.length);
  bytes.write("OPNF", "latin1");
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeInt32LE(uri.length, 12);
  uri.copy(bytes, 16);
  return bytes;
}

test("every function code is recorded, writing ones and unknown ones too", () => {
  const codes = [3, 5, 6, 15, 16, 22, 23, 43, 90, 255];
  const seen = recorded(modbusDecoder, ...codes.map((code) => frame(code, 0, 1, 0, 1)));
  assert.deepEqual(
    seen.map(({ functionCode }) => functionCode),
    codes,
  );
  assert.equal(seen[1]?.text, "00000006110500010001");
});

test("bytes that are no Modbus frame are recorded as garbage", () => {
  const banner = Buffer.from("GET / HTTP/1.1\r\n\r\n");
  assert.ok(
    recorded(modbusDecoder, frame(3, 0, 0, 0, 1), banner).some(({ functionCode }) => functionCode === "garbage"),
  );
});

test("every OPC UA service is recorded, whatever the form of its id and the number of its chunks", () => {
  const seen = recorded(
    opcUaDecoder,
    openChannel("None"),
    chunk("MSGF", 1, 1, 0, 0xa1, 2), // Write, four-byte node id
    chunk("MSGC", 2, 1, 0, 0xc8, 2), // Call, in three chunks
    chunk("MSGC", 2, 1, 0, 0x77, 2),
    chunk("MSGF", 2, 1, 0, 0x77, 2),
    chunk("MSGF", 3, 2, 0, 0, 0x77, 2, 0, 0), // Read, numeric node id
    chunk("MSGF", 4, 1, 0, 1, 0), // no request
    chunk("MSGF", 5, 9),
    chunk("CLOF", 6, 1, 0, 0xc4, 1),
    chunk("XYZF", 7),
  );
  assert.deepEqual(
    seen.map(({ service }) => service),
    ["OpenSecureChannel", "Write", "Call", "Read", "service 1", "garbage", "CloseSecureChannel", "message XYZ"],
  );
});

const encryptedDecoder = (record: (request: OpcUaRequest) => void): Decoder => opcUaDecoder(record, true);

test("messages of an encrypted channel are said to be encrypted, and those before it are not", () => {
  const read = chunk("MSGF", 1, 1, 0, 0x77, 2);
  const seen = recorded(encryptedDecoder, openChannel("None"), read, openChannel("Basic256Sha256"), read);
  assert.deepEqual(
    seen.map(({ service }) => service),
    ["OpenSecureChannel", "Read", "OpenSecureChannel", "encrypted"],
  );
});
