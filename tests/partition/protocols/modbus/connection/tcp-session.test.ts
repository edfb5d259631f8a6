// What a connection promises whatever its window and its framing: the usual one request at a time is in modbus-connection.test.ts.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, Socket, type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";

import type { Answer } from "../../../../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import { ModbusConnection } from "../../../../../packages/partition/src/protocols/modbus/connection/modbus-connection.ts";
import { INCOMPLETE, type Framing } from "../../../../../packages/partition/src/protocols/modbus/framing/framing.ts";
import { mbap } from "../../../../../packages/partition/src/protocols/modbus/framing/mbap.ts";
import { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import {
  data,
  honest,
  response,
  scrambled,
  type Behaviour,
  type DeviceRequest,
} from "../../../../plant/modbus-device.ts";
import { cleanUps, connectionTo, impatient, openConnection, patient } from "../../../../plant/modbus-rig.ts";

function openInWindow(windowSize: number, behaviour: Behaviour) {
  return openConnection(behaviour, { framing: mbap, windowSize });
}

interface Outcome {
  readonly answer: Answer;
  readonly register: number | undefined;
}

async function ask(connection: ModbusConnection, address: number, unitId = 1, requester = patient): Promise<Outcome> {
  let register: number | undefined;
  const range = { functionCode: 3, address, quantity: 1 } as const;
  const answer = await connection.request(requester, unitId, range, (bytes, offset) => {
    register = bytes.getUint16(offset);
  });
  return { answer, register };
}

function read(address: number, unitId = 1): Outcome {
  return { answer: { kind: "data" }, register: scrambled(unitId, 3, address) };
}

/** Keeps requests back until so many are there, and answers the last one first. */
function backwards(count: number): Behaviour {
  const kept: DeviceRequest[] = [];
  return (request) => {
    kept.push(request);
    if (kept.length < count) return undefined;
    return Buffer.concat(
      kept
        .splice(0)
        .toReversed()
        .map((one) => response(one, data(one))),
    );
  };
}

test("as many requests as the window has places are outstanding at once, and replies may come in any order", async () => {
  const { device, connection } = await openInWindow(4, honest());
  assert.deepEqual(await ask(connection, 0), read(0));
  device.behaviour = backwards(4);
  const addresses = Array.from({ length: 40 }, (_, address) => address);
  assert.deepEqual(
    await Promise.all(addresses.map((address) => ask(connection, address))),
    addresses.map((address) => read(address)),
  );
});

test("a request without a reply costs itself alone: the others are answered, its late reply is dropped", async () => {
  let late: DeviceRequest | undefined;
  const { device, connection } = await openInWindow(2, (request) => {
    if (request.unitId === 1) return response(request, data(request));
    late = request;
    return undefined;
  });
  assert.deepEqual(await ask(connection, 1), read(1));
  const silent = ask(connection, 7, 2, impatient);
  const outcomes = [await ask(connection, 2), await ask(connection, 3)];
  assert.deepEqual(outcomes, [read(2), read(3)]);
  assert.deepEqual((await silent).answer, { kind: "timeout" });
  device.behaviour = (request) => {
    assert.ok(late !== undefined);
    return Buffer.concat([response(late, data(late)), response(request, data(request))]);
  };
  assert.deepEqual(await ask(connection, 4), read(4));
  assert.equal(device.connections, 1);
});

test("two unit ids that fall silent while later requests are answered do not end the connection", async () => {
  const { device, connection } = await openInWindow(3, honest());
  for (const unitId of [1, 2, 3]) assert.deepEqual(await ask(connection, 0, unitId), read(0, unitId));
  device.behaviour = (request) => (request.unitId === 3 ? response(request, data(request)) : undefined);
  const silent = [ask(connection, 1, 1, impatient), ask(connection, 1, 2, impatient)];
  assert.deepEqual(await ask(connection, 1, 3), read(1, 3));
  for (const { answer } of await Promise.all(silent)) assert.deepEqual(answer, { kind: "timeout" });
  assert.deepEqual(await ask(connection, 2, 3), read(2, 3));
  assert.equal(device.connections, 1);
});

test("all that was outstanding when the device closed is asked again, each request once", async () => {
  const { device, connection } = await openInWindow(4, honest());
  assert.deepEqual(await ask(connection, 0), read(0));
  let asked = 0;
  device.behaviour = (request) => {
    if (request.connection > 0) return response(request, data(request));
    if (++asked === 4) request.socket.end();
    return undefined;
  };
  assert.deepEqual(
    await Promise.all([1, 2, 3, 4].map((address) => ask(connection, address))),
    [1, 2, 3, 4].map((address) => read(address)),
  );
  assert.deepEqual([device.connections, connection.reopenings], [2, 1]);
  device.behaviour = (request) => void request.socket.end();
  await assert.rejects(ask(connection, 5), ServerError);
});

/** unit id | PDU | sum of the bytes before: no transaction id, no length, as on a serial line. */
const summed: Framing = {
  name: "tcp",
  headerBytes: 1,
  trailerBytes: 1,
  maxFrameBytes: 256,
  seal(frame, _transactionId, unitId, pduBytes) {
    frame.setUint8(0, unitId);
    frame.setUint8(1 + pduBytes, sum(frame, 0, 1 + pduBytes));
  },
  decode(bytes, offset, endOffset) {
    if (endOffset < offset + 3) return INCOMPLETE;
    const pduEndOffset = offset + (bytes.getUint8(offset + 1) > 0x80 ? 3 : 3 + bytes.getUint8(offset + 2));
    if (endOffset <= pduEndOffset) return INCOMPLETE;
    const expected = sum(bytes, offset, pduEndOffset);
    const actual = bytes.getUint8(pduEndOffset);
    if (actual !== expected) return { kind: "malformed", field: "checksum", expected: String(expected), actual };
    const place = { pduOffset: offset + 1, pduEndOffset, endOffset: pduEndOffset + 1 };
    return { kind: "frame", transactionId: undefined, unitId: bytes.getUint8(offset), ...place };
  },
};

function sum(bytes: DataView, from: number, to: number): number {
  let total = 0;
  for (let at = from; at < to; at++) total += bytes.getUint8(at);
  return total & 0xff;
}

test("a request that its socket has not passed on yet is not overwritten by that of another connection", async (t) => {
  const both = [await openInWindow(1, honest()), await openInWindow(1, honest())];
  const held: Socket[] = [];
  t.mock.method(Socket.prototype, "write", function (this: Socket, bytes: Uint8Array) {
    if (held.length < both.length && bytes[7] === 3) {
      held.push(this);
      this.cork();
    }
    return Duplex.prototype.write.call(this, bytes, "binary");
  });
  const asked = both.map(({ connection }, index) => ask(connection, index));
  assert.equal(held.length, 2);
  for (const socket of held) socket.uncork();
  assert.deepEqual(await Promise.all(asked), [read(0), read(1)]);
});

test("another framing, without transaction ids, needs nothing of the connection", async () => {
  let spoiltBy = 0;
  const device = createServer((socket) => {
    socket.on("data", (request) => {
      assert.equal(request[6], sum(new DataView(request.buffer, request.byteOffset), 0, 6));
      const [unitId = 0] = request;
      const reply = Buffer.from([unitId, 3, 2, 0, 0, 0]);
      reply.writeUInt16BE(scrambled(unitId, 3, request.readUInt16BE(2)), 3);
      reply[5] = (sum(new DataView(reply.buffer, reply.byteOffset), 0, 5) + spoiltBy) & 0xff;
      socket.write(reply.subarray(0, 4));
      socket.write(reply.subarray(4));
    });
    socket.on("error", () => {});
  });
  device.listen(0, "127.0.0.1");
  await once(device, "listening");
  cleanUps.push(() => device.close());
  const connection = await connectionTo((device.address() as AddressInfo).port, { framing: summed, windowSize: 1 });
  assert.deepEqual(await Promise.all([ask(connection, 5, 1), ask(connection, 6, 2)]), [read(5, 1), read(6, 2)]);
  spoiltBy = 1;
  await assert.rejects(ask(connection, 7), /a reply had checksum \d+ where \d+ was due/);
});
