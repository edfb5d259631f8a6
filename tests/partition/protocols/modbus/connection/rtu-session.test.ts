// RTU frames inside a TCP connection: polled by a real client, from a device with a CRC of its own.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";

import * as fc from "fast-check";

import type { ModbusServer } from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { ModbusTcpClient } from "../../../../../packages/partition/src/library/modbus-tcp-client.ts";
import { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { data, scrambled, type DeviceRequest } from "../../../../plant/modbus-device.ts";
import { RecordingSink, run } from "../../../../plant/modbus-points.ts";
import {
  honestRtu,
  rtuException,
  rtuResponse,
  startRtuDevice,
  type RtuBehaviour,
  type RtuDevice,
} from "../../../../plant/rtu-device.ts";
import { cleanUps, clientAt, pollTruly, running } from "../../../../plant/modbus-rig.ts";

interface Plant {
  readonly device: RtuDevice;
  readonly client: ModbusTcpClient;
}

const oneByOne = { framing: "rtu", maxRegistersPerRequest: 1, timeoutMs: 1000 } as const;

async function connected(points = run(0, 4), changes: Partial<ModbusServer> = {}): Promise<Plant> {
  const device = await startRtuDevice();
  cleanUps.push(() => device.close());
  return { device, client: await clientAt(device.port, points, { ...oneByOne, ...changes }) };
}

/** The values of a poll. */
async function poll({ client }: Pick<Plant, "client">, points = 4): Promise<unknown[]> {
  const sink = new RecordingSink();
  await client.poll(sink, running);
  return Array.from({ length: points }, (_, index) => sink.value(index) ?? sink.status(index));
}

const good = [0, 1, 2, 3].map((address) => scrambled(1, 3, address));

function respond(request: DeviceRequest): Buffer {
  return rtuResponse(request, data(request));
}

test("registers and bits of 1 to 125 addresses come over RTU, an exception is the device's answer", async () => {
  const points = [...run(0, 300), ...run(0, 2001, { functionCode: 1 })];
  const plant = await connected(points, { maxRegistersPerRequest: 125 });
  const values = await poll(plant, points.length);
  for (const [index, { functionCode, address }] of points.entries()) {
    const cell = scrambled(1, functionCode, address);
    assert.equal(values[index], functionCode === 1 ? cell & 1 : cell);
  }
  plant.device.behaviour = (request) => rtuException(request, 6);
  assert.equal((await poll(plant, 1))[0], StatusCode.BadServerTooBusy);
});

const odd: Readonly<Record<string, RtuBehaviour>> = {
  "in single bytes": (request) => {
    for (const byte of respond(request)) request.socket.write(Buffer.of(byte));
    return undefined;
  },
  "behind noise": (request) => Buffer.concat([Buffer.from("00ff0103", "hex"), respond(request)]),
  "before noise": (request) => Buffer.concat([respond(request), Buffer.from("0103", "hex")]),
  "behind the reply of another unit id": (request) =>
    Buffer.concat([rtuResponse({ ...request, unitId: 2 }, Buffer.of(1, 2)), respond(request)]),
  "behind the reply to another function": (request) =>
    Buffer.concat([rtuResponse({ ...request, functionCode: 4 }, Buffer.of(1, 2)), respond(request)]),
  "behind a longer reply": (request) => Buffer.concat([rtuResponse(request, Buffer.of(1, 2, 3, 4)), respond(request)]),
};

for (const [name, behaviour] of Object.entries(odd)) {
  test(`a reply ${name} is found`, async () => {
    const plant = await connected();
    plant.device.behaviour = behaviour;
    assert.deepEqual(await poll(plant), good);
    assert.equal(plant.device.requests.length, 4, "each was asked for once");
  });
}

test("a reply with a wrong CRC is no value: the request is sent once more", async () => {
  const plant = await connected(run(0, 2), { timeoutMs: 300 });
  plant.device.behaviour = (request) => {
    const reply = respond(request);
    if (plant.device.requests.length % 2 === 1) reply[3] = (reply[3] ?? 0) ^ 1;
    return reply;
  };
  assert.deepEqual(await poll(plant, 2), good.slice(0, 2));
  assert.equal(plant.device.requests.length, 4);
  plant.device.requests.length = 0;
  plant.device.behaviour = (request) => Buffer.concat([respond(request).subarray(0, -1), Buffer.of(0)]);
  await assert.rejects(poll(plant, 2), { code: "Timeout", message: /; 7 bytes came that are no RTU reply/ });
});

test("after a repeated request the line rests for its time-out, and the reply to the first one is nobody's", async () => {
  const timeoutMs = 300;
  const plant = await connected(run(0, 2), { timeoutMs });
  const sentMs: number[] = [];
  plant.device.behaviour = (request) => {
    sentMs.push(performance.now());
    if (sentMs.length > 2) return respond(request);
    if (sentMs.length === 2) {
      // It was no reply that was damaged: both are answered.
      setTimeout(() => request.socket.write(rtuResponse(request, Buffer.of(0xba, 0xad))), 100);
      return respond(request);
    }
    const damaged = respond(request);
    damaged[3] = (damaged[3] ?? 0) ^ 1;
    return damaged;
  };
  assert.deepEqual(await poll(plant, 2), good.slice(0, 2));
  const [, repeatedMs = 0, nextMs = 0] = sentMs;
  assert.equal(sentMs.length, 3);
  // Both clocks are whole in themselves; the device looks at its own a little later than the client.
  assert.ok(nextMs - repeatedMs > timeoutMs - 50, `${nextMs - repeatedMs} ms`);
});

/** Requests whose echo looks like a reply: a right one (24 coils, as many bytes as the address says), and a damaged one. */
const echoed = [
  run(0x0300, 24, { functionCode: 1 }),
  run(0x0200, 1),
  run(0x0300, 24, { functionCode: 2 }),
  run(0x0001, 1),
].flat();
const echoedValues = echoed.map(({ functionCode, address }) => {
  const cell = scrambled(1, functionCode, address);
  return functionCode <= 2 ? cell & 1 : cell;
});

const echoes: Readonly<Record<string, (socket: Socket, echo: Buffer, reply: Buffer) => void>> = {
  "in front of the reply": (socket, echo, reply) => void socket.write(Buffer.concat([echo, reply])),
  "before the reply": (socket, echo, reply) => {
    socket.write(echo);
    setTimeout(() => socket.write(reply), 70);
  },
  "in single bytes": (socket, echo, reply) => {
    for (const byte of [...echo, ...reply]) socket.write(Buffer.of(byte));
  },
};

for (const [name, send] of Object.entries(echoes)) {
  test(`an echo of the request that comes ${name} is no reply`, async () => {
    const plant = await connected(echoed, { maxRegistersPerRequest: 125, timeoutMs: 2000 });
    plant.device.behaviour = (request) => {
      send(request.socket, request.frame, respond(request));
      return undefined;
    };
    assert.deepEqual(await poll(plant, echoed.length), echoedValues);
    const asked = plant.device.requests.length;
    assert.deepEqual(await poll(plant, echoed.length), echoedValues);
    assert.equal(plant.device.requests.length, 2 * asked, "each was asked for once");
  });
}

test("a line that has shown no echo may answer with the very bytes of the request", async () => {
  const plant = await connected(run(0x0300, 24, { functionCode: 1 }), { timeoutMs: 300 });
  assert.deepEqual(await poll(plant, 1), [scrambled(1, 1, 0x0300) & 1]);
  plant.device.behaviour = (request) => request.frame;
  // Data of the reply: low byte of the address, and the quantity.
  const bits = [0x00, 0x00, 24].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1));
  assert.deepEqual(await poll(plant, 24), bits);
});

test("a late reply is never taken for the answer to the next request", async () => {
  const points = [...run(0, 2, { unitId: 1 }), ...run(10, 2, { unitId: 2 })];
  const plant = await connected(points, { timeoutMs: 400, retryIntervalMs: 1 });
  assert.equal((await poll(plant))[0], scrambled(1, 3, 0));
  let asked = 0;
  plant.device.behaviour = (request) => {
    const isLate = request.unitId === 1 && request.address === 0;
    if (!isLate) return respond(request);
    // The other register of the same unit id has the same shape.
    const reply = rtuResponse(request, Buffer.of(0xba, ++asked));
    setTimeout(() => request.socket.write(reply), 500);
    return undefined;
  };
  for (let polls = 0; polls < 3; polls++) {
    try {
      const late = (await poll(plant)).map((value) => Number(value) - 0xba00);
      for (const [index, number] of late.entries()) {
        if (number < 1 || number > asked) continue;
        assert.deepEqual(
          [index, number],
          [0, asked],
          "in time for its own request, on a machine that held up the time-out",
        );
      }
    } catch (error) {
      assert.ok(error instanceof ServerError, String(error));
      await plant.client.disconnect();
      await plant.client.connect(running);
    }
  }
  plant.device.behaviour = honestRtu();
  assert.equal((await poll(plant))[2], scrambled(2, 3, 10));
});

test("a device that speaks Modbus TCP is named in the error, and so is noise without an end", async () => {
  const plant = await connected(run(0, 1), { timeoutMs: 400 });
  const mbapReply = Buffer.from("0001000000050103020007", "hex");
  plant.device.behaviour = () => mbapReply;
  await assert.rejects(poll(plant), { code: "Timeout", message: /frames of Modbus TCP: remove <framing>/ });
  await plant.client.disconnect();
  await plant.client.connect(running);
  plant.device.behaviour = () => Buffer.alloc(4000, 0x55);
  await assert.rejects(poll(plant), { code: "ProtocolViolation", message: /floods the connection/ });
});

test("a good value is the device's answer to this poll, whatever else the line carries", async () => {
  const deeds = fc.constantFrom(
    "answer",
    "answer",
    "pieces",
    "noise",
    "behind",
    "late",
    "never",
    "damaged",
    "other",
    "busy",
  );
  const timeoutMs = 25;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(deeds, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 3 }),
      fc.boolean(),
      async (polls, isEchoing) => {
        let generation = 0;
        const cell = (unitId: number, functionCode: number, address: number): number =>
          scrambled(unitId, functionCode, address + 1000 * generation);
        const points = [1, 2].flatMap((unitId) => run(0x0200, 3, { unitId }));
        const plant = await connected(points, { timeoutMs, retryIntervalMs: 1 });
        for (const deedsOfPoll of polls) {
          generation++;
          let asked = 0;
          plant.device.behaviour = (request) => {
            const reply = rtuResponse(request, data(request, cell));
            const noise = Buffer.from("0103", "hex");
            if (isEchoing) request.socket.write(request.frame);
            switch (deedsOfPoll[asked++ % deedsOfPoll.length]) {
              case "pieces":
                request.socket.write(reply.subarray(0, 4));
                return void setImmediate(() => request.socket.write(reply.subarray(4)));
              case "noise":
                return Buffer.concat([noise, reply]);
              case "behind":
                return Buffer.concat([reply, noise]);
              case "late":
                return void setTimeout(() => request.socket.write(reply), timeoutMs + 10);
              case "never":
                return undefined;
              case "damaged":
                return Buffer.concat([reply.subarray(0, -1), Buffer.of((reply.at(-1) ?? 0) ^ 0x10)]);
              case "other":
                return rtuResponse({ ...request, unitId: 9 }, data(request, cell));
              case "busy":
                return rtuException(request, 6);
              default:
                return reply;
            }
          };
          await pollTruly(plant.client, points, cell);
        }
        await plant.client.disconnect();
        await plant.device.close();
      },
    ),
    { numRuns: 6 },
  );
});
