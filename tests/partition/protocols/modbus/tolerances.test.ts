// Devices that fill in the fields of their replies wrongly, each with the setting that it needs.

import assert from "node:assert/strict";
import { test } from "node:test";

import type {
  ModbusServer,
  Tolerance,
} from "../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { run } from "../../../plant/modbus-points.ts";
import { data, frame, response, scrambled, type Behaviour, type DeviceRequest } from "../../../plant/modbus-device.ts";
import { connected, poll, type Plant } from "../../../plant/modbus-rig.ts";

const withoutId: Behaviour = (request) => response(request, data(request), { transactionId: 0 });

const short: Behaviour = (request) => {
  const bytes = data(request).subarray(2);
  return frame(request, Buffer.from([request.functionCode, bytes.length, ...bytes]));
};

const devices: readonly { readonly does: string; readonly tolerance: Tolerance; readonly behaviour: Behaviour }[] = [
  {
    does: "answers with unit id 0",
    tolerance: "unitId",
    behaviour: (request) => response(request, data(request), { unitId: 0 }),
  },
  {
    does: "answers with transaction id 0",
    tolerance: "transactionId",
    behaviour: withoutId,
  },
  {
    does: "counts two bytes too many",
    tolerance: "byteCount",
    behaviour: (request) => withByteCount(request, 2),
  },
];

function withByteCount(request: DeviceRequest, surplus: number): Buffer {
  const bytes = data(request);
  return frame(request, Buffer.from([request.functionCode, bytes.length + surplus, ...bytes]));
}

async function plantThat(behaviour: Behaviour, changes: Partial<ModbusServer>): Promise<Plant> {
  return await connected(run(0, 8), behaviour, { maxRegistersPerRequest: 2, ...changes });
}

for (const { does, tolerance, behaviour } of devices) {
  test(`a device that ${does} is read with <tolerate>${tolerance}</tolerate>, and without it the error says so`, async () => {
    const tolerant = await plantThat(behaviour, { tolerates: [tolerance] });
    for (let polls = 0; polls < 2; polls++) {
      const { sink } = await poll(tolerant);
      for (let address = 0; address < 8; address++) assert.equal(sink.value(address), scrambled(1, 3, address));
    }
    assert.equal(tolerant.device.connections, 1);
    const strict = await plantThat(behaviour, {});
    await assert.rejects(poll(strict), {
      code: "ProtocolViolation",
      message: new RegExp(`was due; if it always answers so, add <tolerate>${tolerance}</tolerate>`),
    });
  });
}

test("a late reply without a transaction id is never taken for the next one", async () => {
  const points = [...run(0, 2), ...run(0, 2, { unitId: 2 })];
  const changes = {
    tolerates: ["transactionId"],
    maxRegistersPerRequest: 1,
    timeoutMs: 400,
    retryIntervalMs: 1,
  } as const;
  const plant = await connected(points, withoutId, changes);
  await poll(plant);
  let late: DeviceRequest | undefined;
  let isFirst = true;
  plant.device.behaviour = (request) => {
    if (isFirst && request.unitId === 1) {
      isFirst = false;
      late = request;
      return undefined;
    }
    // Late for certain: the next request has come.
    if (late?.socket.destroyed === false)
      late.socket.write(response(late, Buffer.of(0xba, 0xad), { transactionId: 0 }));
    late = undefined;
    return withoutId(request);
  };
  for (let polls = 0; polls < 3; polls++) {
    plant.clock.nowMs += 1000;
    const { sink } = await poll(plant);
    for (const [index, { unitId, address }] of points.entries()) {
      const value = sink.value(index);
      if (value !== undefined) assert.equal(value, scrambled(unitId, 3, address));
      if (polls === 2) assert.ok(value !== undefined, "read again");
    }
  }
  assert.equal(plant.device.connections, 2);
});

test("a frame of another length is refused although its byte count is tolerated", async () => {
  const plant = await plantThat(short, { tolerates: ["byteCount"] });
  await assert.rejects(poll(plant), { code: "ProtocolViolation", message: /PDU length 4 where 6 was due/ });
});
