import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";

import type { Answer, Requester } from "../../../../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import type { ModbusConnection } from "../../../../../packages/partition/src/protocols/modbus/connection/modbus-connection.ts";
import { ModbusConnections } from "../../../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import type { ReadRange } from "../../../../../packages/partition/src/protocols/modbus/pdu.ts";
import {
  data,
  exception,
  frame,
  honest,
  response,
  scrambled,
  type Behaviour,
  type DeviceRequest,
} from "../../../../plant/modbus-device.ts";
import {
  cleanUps,
  device as startedDevice,
  impatient,
  openConnection,
  patient,
  rejected,
} from "../../../../plant/modbus-rig.ts";

interface Outcome {
  readonly answer: Answer;
  readonly registers: readonly number[];
}

async function ask(
  connection: ModbusConnection,
  { requester = patient, unitId = 1, functionCode = 3, address = 0, quantity = 2 }: Partial<Question> = {},
): Promise<Outcome> {
  const registers: number[] = [];
  const answer = await connection.request(
    requester,
    unitId,
    { functionCode, address, quantity },
    (bytes, dataOffset) => {
      for (let index = 0; index < quantity; index++) registers.push(bytes.getUint16(dataOffset + index * 2));
    },
  );
  return { answer, registers };
}

interface Question extends ReadRange {
  readonly requester: Requester;
  readonly unitId: number;
}

function cells(unitId: number, address: number, quantity: number): number[] {
  return Array.from({ length: quantity }, (_, index) => scrambled(unitId, 3, address + index));
}

test("an honest reply is data, and the exact request bytes were sent", async () => {
  const { device, connection } = await openConnection();
  const { answer, registers } = await ask(connection, { unitId: 0x11, address: 0x6b, quantity: 3 });
  assert.deepEqual(answer, { kind: "data" });
  assert.deepEqual(registers, cells(0x11, 0x6b, 3));
  // prettier-ignore
  assert.deepEqual(Buffer.concat(device.received).toJSON().data, [
    0x00, 0x01, // transaction id
    0x00, 0x00, // protocol id
    0x00, 0x06, // length
    0x11,       // unit id
    0x03,       // function: read holding registers
    0x00, 0x6b, // starting address
    0x00, 0x03, // quantity
  ]);
});

test("a reply that arrives byte by byte is a reply", async () => {
  const { connection } = await openConnection((request) => {
    const bytes = response(request, data(request));
    let sent = 0;
    const sendNext = (): void => {
      if (sent === bytes.length) return;
      request.socket.write(bytes.subarray(sent, ++sent), () => setImmediate(sendNext));
    };
    sendNext();
    return undefined;
  });
  assert.deepEqual((await ask(connection, { quantity: 20 })).registers, cells(1, 0, 20));
});

test("every exception code is an answer, and the connection lives on", async () => {
  const { device, connection } = await openConnection((request) => exception(request, request.address));
  for (let code = 0; code <= 255; code++) {
    assert.deepEqual((await ask(connection, { address: code })).answer, { kind: "exception", code });
  }
  assert.equal(device.connections, 1);
});

/** Replies that break the protocol, and what the error must name. */
const spoiled: readonly (readonly [string, RegExp, Behaviour])[] = [
  ["another transaction id", /transaction id 2 where 1 was due/, (r) => response(r, data(r), { transactionId: 2 })],
  ["the transaction id's bytes swapped", /transaction id 256/, (r) => response(r, data(r), { transactionId: 0x100 })],
  ["a protocol id of 1", /protocol id 1 where 0/, (r) => response(r, data(r), { protocolId: 1 })],
  ["another unit id", /unit id 2 where 1/, (r) => response(r, data(r), { unitId: 2 })],
  ["unit id 0", /unit id 0 where 1/, (r) => response(r, data(r), { unitId: 0 })],
  ["a length of 0", /length 0 where/, (r) => response(r, data(r), { length: 0 })],
  ["a length of 65535", /length 65535 where/, (r) => response(r, data(r), { length: 0xffff })],
  ["a length one too small", /PDU length 5 where 6/, (r) => response(r, data(r), { length: 6 })],
  ["another function code", /function code 4 where 3/, (r) => frame(r, Buffer.from([4, 4, 0, 0, 0, 0]))],
  ["the function code of a write", /function code 16 where 3/, (r) => frame(r, Buffer.from([16, 0, 0, 0, 2]))],
  ["the exception of another function", /function code 132 where 3/, (r) => frame(r, Buffer.from([0x84, 2]))],
  ["an exception with a byte too many", /length of an exception 3/, (r) => frame(r, Buffer.from([0x83, 2, 0]))],
  ["an exception without its code", /length of an exception 1/, (r) => frame(r, Buffer.from([0x83]))],
  ["fewer registers than asked for", /byte count 2 where 4/, (r) => response(r, Buffer.alloc(2))],
  ["more registers than asked for", /byte count 6 where 4/, (r) => response(r, Buffer.alloc(6))],
  ["a byte count that is a lie", /byte count 2 where 4/, (r) => frame(r, Buffer.from([3, 2, 0, 0, 0, 0]))],
  ["less data than its byte count", /PDU length 4 where 6/, (r) => frame(r, Buffer.from([3, 4, 0, 0]))],
  ["more data than its byte count", /PDU length 7 where 6/, (r) => frame(r, Buffer.from([3, 4, 0, 0, 0, 0, 0]))],
  ["a TLS alert", /protocol id 768/, () => Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28])],
  ["an HTTP banner", /protocol id 21584/, () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["garbage", /protocol id 57005/, () => Buffer.from([0xde, 0xad, 0xde, 0xad, 0xbe, 0xef])],
  ["a long run of zeros", /length 0 where/, () => Buffer.alloc(5000)],
];

for (const [what, because, behaviour] of spoiled) {
  test(`a reply with ${what} is a protocol violation and closes the connection`, async () => {
    const { device, connection } = await openConnection(behaviour);
    const question = ask(connection);
    const behind = ask(connection, { address: 100 });
    await Promise.all([
      rejected(question, "ProtocolViolation", because),
      rejected(behind, "ProtocolViolation", because),
    ]);
    assert.equal(connection.device, undefined);
    await rejected(ask(connection), "ProtocolViolation", because);
    // A new connection starts with a clean slate.
    device.behaviour = honest();
    await connection.open(patient);
    assert.deepEqual((await ask(connection)).registers, cells(1, 0, 2));
  });
}

test("a reply that is cut at any byte is never data, whether the device hangs up or just stops", async () => {
  const wholeBytes = 13;
  for (let lengthBytes = 1; lengthBytes < wholeBytes; lengthBytes++) {
    const hangsUp: Behaviour = (request) => {
      request.socket.end(response(request, data(request)).subarray(0, lengthBytes));
      return undefined;
    };
    const stops: Behaviour = (request) => response(request, data(request)).subarray(0, lengthBytes);
    const { connection } = await openConnection(hangsUp);
    await rejected(ask(connection), "ProtocolViolation", new RegExp(`, ${lengthBytes} bytes into a reply`));
    await rejected(
      askUntilBytesCome(stops),
      "ProtocolViolation",
      new RegExp(`stopped after ${lengthBytes} bytes`),
      impatient,
    );
  }
});

/** On a busy machine the time may be over before the first byte is there: then there is more of it. */
async function askUntilBytesCome(behaviour: Behaviour, timeoutMs = impatient.timeoutMs): Promise<Outcome> {
  const { connection } = await openConnection(behaviour);
  const outcome = await ask(connection, { requester: { ...impatient, timeoutMs } });
  return outcome.answer.kind === "timeout" ? await askUntilBytesCome(behaviour, 4 * timeoutMs) : outcome;
}

test("a reply that comes twice in one piece is no data, and the connection is closed", async () => {
  const { connection } = await openConnection((request) => {
    const bytes = response(request, data(request));
    return Buffer.concat([bytes, bytes]);
  });
  const because = /transaction id 1 where none \(nothing was asked\) was due/;
  const [first, second] = [ask(connection), ask(connection, { address: 50 })];
  await Promise.all([rejected(first, "ProtocolViolation", because), rejected(second, "ProtocolViolation", because)]);
});

test("a reply that lacks its last bytes takes none of those that come with it", async () => {
  for (let lengthBytes = 1; lengthBytes < 13; lengthBytes++) {
    for (let nextBytes = 13 - lengthBytes; nextBytes <= 13; nextBytes++) {
      const { connection } = await openConnection((request) => {
        const bytes = response(request, data(request));
        return Buffer.concat([bytes.subarray(0, lengthBytes), bytes.subarray(0, nextBytes)]);
      });
      const question = ask(connection);
      // To the byte a whole frame, of a device that has sent nothing wrong so far.
      if (lengthBytes + nextBytes === 13 && lengthBytes >= 9) await question;
      else await rejected(question, "ProtocolViolation", /a reply had/);
    }
  }
});

test("bytes that nobody asked for close an idle connection", async () => {
  const { device, connection } = await openConnection();
  await ask(connection);
  const socket = device.requests[0]?.socket as Socket;
  socket.write(response(device.requests[0] as DeviceRequest, Buffer.alloc(4)));
  await once(socket, "close");
  await rejected(ask(connection), "ProtocolViolation", /nothing was asked/);
});

test("a late reply is never taken for another's, and the connection is kept", async () => {
  let held: DeviceRequest | undefined;
  const { device, connection } = await openConnection((request) => {
    if (request.unitId === 5) {
      held = request;
      return undefined;
    }
    const late = held === undefined ? Buffer.alloc(0) : response(held, data(held));
    held = undefined;
    return Buffer.concat([late, response(request, data(request))]);
  });
  assert.deepEqual((await ask(connection, { unitId: 1 })).registers, cells(1, 0, 2));
  assert.deepEqual((await ask(connection, { requester: impatient, unitId: 5 })).answer, { kind: "timeout" });
  assert.deepEqual((await ask(connection, { unitId: 1 })).registers, cells(1, 0, 2));
  assert.deepEqual((await ask(connection, { unitId: 1, address: 9 })).registers, cells(1, 9, 2));
  assert.equal(device.connections, 1);
});

test("a late reply may come in pieces, also behind another's reply", async () => {
  let late: Buffer = Buffer.alloc(0);
  const { device, connection } = await openConnection((request) => {
    const bytes = response(request, data(request));
    if (request.unitId === 5) {
      late = bytes;
      return undefined;
    }
    // A piece of it behind each reply; the next one comes before the reply of the next question.
    const piece = late.subarray(0, 5);
    late = late.subarray(5);
    return request.address === 0 ? Buffer.concat([bytes, piece]) : Buffer.concat([piece, late, bytes]);
  });
  await ask(connection, { unitId: 1 });
  assert.deepEqual((await ask(connection, { requester: impatient, unitId: 5 })).answer, { kind: "timeout" });
  assert.deepEqual((await ask(connection)).registers, cells(1, 0, 2));
  assert.deepEqual((await ask(connection, { address: 7 })).registers, cells(1, 7, 2));
  assert.equal(device.connections, 1);
});

test("a late reply that comes twice, or is not the one that was due, closes the connection", async () => {
  const lies: readonly ((late: DeviceRequest) => Buffer)[] = [
    (late) => Buffer.concat([response(late, data(late)), response(late, data(late))]),
    (late) => response(late, data(late), { unitId: 1 }),
    (late) => response(late, Buffer.alloc(2)),
  ];
  for (const lie of lies) {
    let held: DeviceRequest | undefined;
    const { connection } = await openConnection((request) => {
      if (request.unitId === 5) held = request;
      else if (held !== undefined) return lie(held);
      else return response(request, data(request));
      return undefined;
    });
    await ask(connection, { unitId: 1 });
    assert.deepEqual((await ask(connection, { requester: impatient, unitId: 5 })).answer, { kind: "timeout" });
    await rejected(ask(connection, { unitId: 1 }), "ProtocolViolation", /a reply had/);
  }
});

for (const code of [10, 11]) {
  test(`the real reply that comes after exception ${code} is dropped, and the connection is kept`, async () => {
    let given: DeviceRequest | undefined;
    const { device, connection } = await openConnection((request) => {
      if (request.unitId === 5) {
        given = request;
        return exception(request, code);
      }
      const late = given === undefined ? Buffer.alloc(0) : response(given, data(given));
      given = undefined;
      return Buffer.concat([late, response(request, data(request))]);
    });
    for (let round = 0; round < 300; round++) {
      assert.deepEqual((await ask(connection, { unitId: 5 })).answer, { kind: "exception", code });
      assert.deepEqual((await ask(connection, { unitId: 1, address: round })).registers, cells(1, round, 2));
    }
    // In one piece with the exception, and when nothing is outstanding.
    device.behaviour = (request) => Buffer.concat([exception(request, code), response(request, data(request))]);
    assert.deepEqual((await ask(connection, { unitId: 5 })).answer, { kind: "exception", code });
    device.behaviour = honest();
    assert.deepEqual((await ask(connection)).registers, cells(1, 0, 2));
    assert.equal(device.connections, 1);
  });
}

test("a gateway that gives up later than we do, and the real reply after that, keep the connection", async () => {
  let given: DeviceRequest | undefined;
  const { device, connection } = await openConnection((request) => {
    if (request.unitId === 5) given = request;
    else if (given !== undefined) {
      const late = Buffer.concat([exception(given, 11), response(given, data(given))]);
      given = undefined;
      return Buffer.concat([late, response(request, data(request))]);
    } else return response(request, data(request));
    return undefined;
  });
  await ask(connection, { unitId: 1 });
  assert.deepEqual((await ask(connection, { requester: impatient, unitId: 5 })).answer, { kind: "timeout" });
  assert.deepEqual((await ask(connection, { unitId: 1 })).registers, cells(1, 0, 2));
  assert.equal(device.connections, 1);
});

test("a gateway that repeats its exception without end is no gateway: the connection is given up", async () => {
  for (const isLate of [false, true]) {
    let given: DeviceRequest | undefined;
    const { device, connection } = await openConnection((request) => {
      if (request.unitId === 5 && isLate) given = request;
      else if (request.unitId === 5) return Buffer.concat([1, 2, 3].map(() => exception(request, 11)));
      else if (given === undefined) return response(request, data(request));
      else for (let count = 0; count < 3; count++) request.socket.write(exception(given, 11));
      return undefined;
    });
    await ask(connection, { unitId: 1 });
    const first = ask(connection, { requester: impatient, unitId: 5 });
    if (isLate) assert.deepEqual((await first).answer, { kind: "timeout" });
    const wrong = isLate ? ask(connection, { unitId: 1 }) : first;
    await rejected(wrong, "ProtocolViolation", /a reply had transaction id/, isLate ? patient : impatient);
    assert.equal(device.connections, 1);
  }
});

test("when the only unit id that ever answered falls silent, the connection is given up", async () => {
  const { device, connection } = await openConnection();
  await ask(connection);
  device.behaviour = () => undefined;
  await rejected(
    ask(connection, { requester: impatient }),
    "Timeout",
    /unit id 1 did not answer within 60 ms/,
    impatient,
  );
  assert.equal(connection.device, undefined);
});

test("one request is outstanding at a time, first come first served", async () => {
  let outstanding = 0;
  const { device, connection } = await openConnection((request) => {
    assert.equal(++outstanding, 1);
    setImmediate(() => {
      outstanding--;
      request.socket.write(response(request, data(request)));
    });
    return undefined;
  });
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, address) => ask(connection, { address })));
  for (const [address, { registers }] of outcomes.entries()) assert.deepEqual(registers, cells(1, address, 2));
  assert.deepEqual(
    device.requests.map(({ address }) => address),
    Array.from({ length: 20 }, (_, address) => address),
  );
});

test("the pause is kept between a reply and the next request", async () => {
  const times: number[] = [];
  const { connection } = await openConnection((request) => {
    times.push(performance.now());
    return response(request, data(request));
  });
  const slow: Requester = { ...patient, pauseBetweenRequestsMs: 30 };
  await Promise.all(Array.from({ length: 4 }, () => ask(connection, { requester: slow })));
  for (const [index, time] of times.entries()) {
    if (index > 0) assert.ok(time - (times[index - 1] ?? 0) >= 29, `${time - (times[index - 1] ?? 0)} ms`);
  }
  assert.equal(times.length, 4);
});

test("cancelling ends one requester's requests and nobody else's", async () => {
  let hold = true;
  const { device, connection } = await openConnection((request) => {
    if (hold) return undefined;
    return response(request, data(request));
  });
  const mine: Requester = { ...patient, server: "Mine" };
  const outstanding = ask(connection, { requester: mine });
  const other = ask(connection, { address: 7 });
  const waiting = ask(connection, { requester: mine, address: 8 });
  while (device.requests.length === 0) await new Promise(setImmediate);
  hold = false;
  connection.cancel(mine);
  await Promise.all([
    rejected(outstanding, "Stopped", /the client was stopped/, mine),
    rejected(waiting, "Stopped", /the client was stopped/, mine),
  ]);
  assert.deepEqual((await other).registers, cells(1, 7, 2));
});

test("a device that hangs up, resets or does not listen is ConnectionFailed with the reason", async () => {
  const { connection } = await openConnection((request) => {
    request.socket.end();
    return undefined;
  });
  await rejected(ask(connection), "ConnectionFailed", /the device closed the connection/);
  const reset = await openConnection((request) => {
    request.socket.resetAndDestroy();
    return undefined;
  });
  await rejected(ask(reset.connection), "ConnectionFailed", /ECONNRESET/);
  await reset.device.close();
  cleanUps.splice(cleanUps.length - 2, 1);
  await rejected(reset.connection.open(patient), "ConnectionFailed", /nothing listens there \(ECONNREFUSED\)/);
});

test("a request that may not be sent is refused before a byte is sent, and the next one works", async () => {
  const { device, connection } = await openConnection();
  const forbidden = { functionCode: 6, address: 0, quantity: 1 } as unknown as Question;
  await assert.rejects(ask(connection, forbidden), RangeError);
  await assert.rejects(ask(connection, { quantity: 126 }), RangeError);
  assert.deepEqual((await ask(connection)).registers, cells(1, 0, 2));
  assert.equal(device.requests.length, 1);
});

test("holders of one place share one connection, which ends with the last of them", async () => {
  const device = await startedDevice();
  const connections = new ModbusConnections();
  const first = connections.acquire("LOCALHOST", device.port);
  const second = connections.acquire("localhost", device.port);
  assert.equal(first, second);
  assert.notEqual(connections.acquire("localhost", device.port + 1), first);
  await Promise.all([first.open(patient), second.open(patient)]);
  await Promise.all([ask(first), ask(second)]);
  assert.equal(device.connections, 1);
  connections.release(first);
  assert.deepEqual((await ask(second)).registers, cells(1, 0, 2));
  connections.release(second);
  await rejected(ask(second), "Stopped", /the client was stopped/);
  while (device.openSockets() > 0) await new Promise(setImmediate);
  assert.notEqual(connections.acquire("localhost", device.port), first);
});
