import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { DataType, ReadRequest, Variant, VariantArrayType } from "node-opcua-client";
import type { OpcUaClient } from "../../../../../packages/partition/src/library/opcua-client.ts";
import { limitsOfSession } from "../../../../../packages/partition/src/protocols/opcua/channel/message-limits.ts";
import type { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import { addConstant, never, nodeNamed, RecordingSink } from "../../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../../plant/opcua-rig.ts";
import { receivedVariant as received } from "./response-chunks.ts";

function bytesOf(lengthBytes: number, fill = 0): Variant {
  const value = Buffer.alloc(lengthBytes, fill);
  return new Variant({ dataType: DataType.ByteString, arrayType: VariantArrayType.Scalar, value });
}

/** Writes the largest numbers into buffer sizes, message size and chunk count, which come last in both messages (7.1.2.3, 7.1.2.4). */
function unlimited(message: Buffer, offset: number): Buffer {
  const changed = Buffer.from(message);
  changed.fill(0xff, offset, offset + 16);
  return changed;
}

function isMessage(bytes: Buffer, type: string): boolean {
  return bytes.toString("latin1", 0, 3) === type;
}

describe("elements that have no bytes on the wire", () => {
  test("cannot fill the memory", () => {
    // prettier-ignore
    const bomb = [
      0x80 | 24, 1, 0, 0, 0, // array of one Variant
      0x80,                  // array of Null
      0, 0, 0x10, 0,         // that claims 2^20 elements
    ];
    assert.deepEqual(received(bomb).messages, []);
    assert.deepEqual(received([0x80, 1, 0, 0, 0]).messages, []);
    assert.deepEqual(received([0xc0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]).messages, []);
  });

  test("are none when their array claims nothing", () => {
    for (const bytes of [
      [0x80, 0, 0, 0, 0],
      [0x80, 0xff, 0xff, 0xff, 0xff],
    ]) {
      assert.equal(received(bytes).messages.length, 1, bytes.join());
    }
  });
});

describe("a server", () => {
  const rig = new OpcUaRig({
    policies: [],
    build: (built) => {
      addConstant(built, "small", bytesOf(8));
      for (let i = 0; i < 64; i++) addConstant(built, `small${i}`, bytesOf(8));
      addConstant(built, "large", bytesOf(limitsOfSession.bytes - 65_536));
      addConstant(built, "too large", bytesOf(limitsOfSession.bytes + 1));
    },
  });

  function clientOf(address: string, ...names: readonly string[]): OpcUaClient {
    return rig.client({ nodes: names.map((name) => nodeNamed(name)), timeoutMs: 10_000 }, address);
  }

  test("that has more to say than we take is asked for less, and only the value that is too large is missing", async () => {
    const client = clientOf(rig.url, "small", "too large", "large");
    await client.connect(never);
    const sink = await polled(client);
    assert.deepEqual(sink.values.get(0)?.value, Buffer.alloc(8));
    assert.equal(sink.values.get(1), undefined);
    assert.ok((sink.statuses.get(1) ?? 0) >= 0x8000_0000);
    assert.deepEqual(sink.values.get(2)?.value, Buffer.alloc(limitsOfSession.bytes - 65_536));
  });

  test("that has one value that is too large is asked for the others in few requests", async () => {
    const names = Array.from({ length: 64 }, (_, i) => `small${i}`).toSpliced(20, 0, "too large");
    const client = clientOf(rig.url, ...names);
    await client.connect(never);
    await client.poll(new RecordingSink(), never);
    let requests = 0;
    const onRequest = (request: unknown): void => void (request instanceof ReadRequest && requests++);
    const sink = await rig.during("request", onRequest, () => polled(client));
    assert.equal(sink.values.size, names.length - 1);
    assert.ok((sink.statuses.get(20) ?? 0) >= 0x8000_0000);
    assert.ok(requests <= 8, `${requests} requests`);
  });

  test("that acknowledges limits without limit does not choose how much memory we take", async () => {
    const proxy = await rig.proxy();
    proxy.faults.spoil = (_, bytes) => (isMessage(bytes, "ACK") ? unlimited(bytes, 12) : bytes);
    const client = clientOf(proxy.url, "small");
    const held = process.memoryUsage().external;
    await client.connect(never);
    await client.poll(new RecordingSink(), never);
    const taken = process.memoryUsage().external - held;
    assert.ok(taken < 64 * 1024 * 1024, `${taken} bytes`);
  });

  test("that does not care for our limit is refused before its message is whole", async () => {
    const proxy = await rig.proxy();
    proxy.faults.spoil = (_, bytes) => {
      if (isMessage(bytes, "ACK")) return unlimited(bytes, 12);
      // maxMessageSize and maxChunkCount: none
      return isMessage(bytes, "HEL") ? Buffer.from(bytes).fill(0, 20, 28) : bytes;
    };
    const client = clientOf(proxy.url, "too large");
    await client.connect(never);
    await assert.rejects(client.poll(new RecordingSink(), never), (error: ServerError) => error.name === "ServerError");
  });
});
