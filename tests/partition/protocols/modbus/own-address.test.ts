// The promise that everything else is for: a value in the sink comes from the point's own unit id, function and address.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as fc from "fast-check";

import type {
  ModbusPoint,
  ReadFunction,
} from "../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { ModbusConnections } from "../../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "../../../../packages/partition/src/library/modbus-tcp-client.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { isBad } from "../../../../packages/image/src/values/status-code.ts";
import type { Value } from "../../../../packages/image/src/values/value.ts";
import { arrange, point, RecordingSink, server } from "../../../plant/modbus-points.ts";
import {
  data,
  exception,
  frame,
  response,
  scrambled,
  startDevice,
  type Behaviour,
  type DeviceRequest,
  type RogueDevice,
} from "../../../plant/modbus-device.ts";

const running = new AbortController().signal;
let device: RogueDevice;
before(async () => {
  device = await startDevice();
});
after(() => device.close());

const anyPoint: fc.Arbitrary<ModbusPoint> = fc
  .record({
    functionCode: fc.constantFrom<ReadFunction>(1, 2, 3, 3, 3, 4),
    unitId: fc.constantFrom(1, 1, 1, 7),
    address: fc.oneof(fc.nat(60), fc.nat(60), fc.nat(60), fc.integer({ min: 65_480, max: 65_535 })),
    wireType: fc.constantFrom<BuiltInType>(
      BuiltInType.UInt16,
      BuiltInType.UInt16,
      BuiltInType.Int16,
      BuiltInType.Boolean,
      BuiltInType.UInt32,
      BuiltInType.Int32,
      BuiltInType.Float,
      BuiltInType.Int64,
      BuiltInType.UInt64,
      BuiltInType.Double,
      BuiltInType.String,
    ),
    bit: fc.nat(15),
    wordOrder: fc.constantFrom("ABCD", "CDAB", "BADC", "DCBA"),
    textRegisters: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ functionCode, unitId, address, wireType, bit, wordOrder, textRegisters }) => {
    if (functionCode <= 2) return point(address, { functionCode, unitId });
    const base = { functionCode, unitId, wordOrder, wireType };
    if (wireType === BuiltInType.Boolean) return point(address, { ...base, bit });
    // Any byte is a character of ISO-8859-1.
    const text = { encoding: "ISO-8859-1", charactersPerRegister: 2 } as const;
    return point(address, wireType === BuiltInType.String ? { ...base, width: textRegisters, text } : base);
  });

const anyPlant = fc.record({
  points: fc.array(anyPoint, { minLength: 1, maxLength: 60 }),
  maxRegistersPerRequest: fc.oneof(fc.constant(125), fc.integer({ min: 1, max: 30 })),
  maxGap: fc.oneof(fc.constant(0), fc.nat(20)),
});

/** What the device holds for a point, decoded without the client's code. */
function truth({ unitId, functionCode, address, width, wireType, bit, wordOrder }: ModbusPoint): Value["value"] {
  if (functionCode <= 2) return scrambled(unitId, functionCode, address) & 1;
  const wire = Buffer.alloc(width * 2);
  for (let register = 0; register < width; register++) {
    wire.writeUInt16BE(scrambled(unitId, functionCode, address + register), register * 2);
  }
  if (wireType === BuiltInType.String) {
    if (wordOrder === "BADC" || wordOrder === "DCBA") wire.swap16();
    const end = wire.indexOf(0);
    const text = wire.subarray(0, end < 0 ? wire.length : end).toString("latin1");
    return text.replace(/[ \xff]+$/, "");
  }
  const bytes = Buffer.from(arrange(wire, wordOrder));
  const read: Partial<Record<BuiltInType, () => Value["value"]>> = {
    [BuiltInType.Boolean]: () => (bytes.readUInt16BE() >> bit) & 1,
    [BuiltInType.UInt16]: () => bytes.readUInt16BE(),
    [BuiltInType.Int16]: () => bytes.readInt16BE(),
    [BuiltInType.UInt32]: () => bytes.readUInt32BE(),
    [BuiltInType.Int32]: () => bytes.readInt32BE(),
    [BuiltInType.Float]: () => bytes.readFloatBE(),
    [BuiltInType.Int64]: () => bytes.readBigInt64BE(),
    [BuiltInType.UInt64]: () => bytes.readBigUInt64BE(),
    [BuiltInType.Double]: () => bytes.readDoubleBE(),
  };
  return read[wireType]?.() ?? null;
}

function addresses(from: number, quantity: number): number[] {
  return Array.from({ length: quantity }, (_, distance) => from + distance);
}

test("whatever the points, the limits and the refused addresses: each readable point has its own value in every poll, each other an error", async () => {
  const scenario = fc.record({
    plant: anyPlant,
    /** In per mille of all addresses; the seed decides which. */
    illegalPerMille: fc.constantFrom(0, 20, 100, 400),
    seed: fc.nat(1000),
    deviceLimit: fc.oneof(fc.constant(2000), fc.integer({ min: 4, max: 40 })),
    code: fc.constantFrom(2, 3),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ plant, illegalPerMille, seed, deviceLimit, code }) => {
      const isIllegal = (unitId: number, functionCode: number, address: number): boolean =>
        address > 65_535 || scrambled(unitId + seed, functionCode + 10, address) % 1000 < illegalPerMille;
      let refusals = 0;
      device.behaviour = (request) => {
        const { unitId, functionCode, address, quantity } = request;
        assert.ok(functionCode >= 1 && functionCode <= 4);
        assert.ok(quantity <= (functionCode <= 2 ? 2000 : plant.maxRegistersPerRequest));
        const isRefused =
          quantity > deviceLimit || addresses(address, quantity).some((at) => isIllegal(unitId, functionCode, at));
        if (!isRefused) return response(request, data(request));
        refusals++;
        return exception(request, code);
      };
      const isReadable = ({ unitId, functionCode, address, width }: ModbusPoint): boolean =>
        width <= deviceLimit &&
        (functionCode <= 2 || width <= plant.maxRegistersPerRequest) &&
        !addresses(address, width).some((at) => isIllegal(unitId, functionCode, at));
      const client = new ModbusTcpClient(server(device.port, plant.points, plant), new ModbusConnections(), () => 0);
      await client.connect(running);
      try {
        for (let round = 0; ; round++) {
          assert.ok(round < 10, "the client has not learned what is refused in 10 polls");
          const refusalsBefore = refusals;
          const sink = new RecordingSink();
          await client.poll(sink, running);
          for (const [index, configured] of plant.points.entries()) {
            const seen = sink.seen(index);
            assert.ok(seen !== undefined, `point ${index} was not set`);
            if (isReadable(configured)) {
              assert.deepEqual(seen, { type: configured.type, value: truth(configured) });
            } else assert.ok("status" in seen && isBad(seen.status));
          }
          if (refusals === refusalsBefore) break;
        }
      } finally {
        await client.disconnect();
      }
    }),
    { numRuns: 250 },
  );
});

/** One way to answer, honest or not; none of them makes a value that is not the address's own look well-formed. */
const tricks: readonly Behaviour[] = [
  (request) => exception(request, (request.address * 7) & 0xff),
  (request) => exception(request, 2),
  (request) => exception(request, 11),
  (request) => response(request, data(request), { transactionId: request.transactionId - 1 }),
  (request) => response(request, data(request), { transactionId: request.transactionId + 1 }),
  (request) => response(request, data(request), { unitId: request.unitId + 1 }),
  (request) => response(request, data(request), { protocolId: 1 }),
  (request) => response(request, data(request), { length: 3 }),
  (request) => response(request, data({ ...request, quantity: request.quantity + 17 })),
  (request) => response({ ...request, functionCode: (request.functionCode % 4) + 1 }, data(request)),
  (request) => frame(request, Buffer.from([request.functionCode])),
  (request) => Buffer.concat([response(request, data(request)), response(request, data(request))]),
  (request) => Buffer.concat([response(request, data(request)), Buffer.from([0])]),
  (request) => {
    request.socket.end(response(request, data(request)).subarray(0, 8));
    return undefined;
  },
  (request) => {
    request.socket.destroy();
    return undefined;
  },
];

test("whatever the device does, a value in the sink is the value of that point's own address", async () => {
  const scenario = fc.record({
    plant: anyPlant,
    /** What is done with one request after the other; -1 is honest. */
    script: fc.array(fc.oneof(fc.constant(-1), fc.constant(-1), fc.nat(tricks.length - 1)), {
      minLength: 1,
      maxLength: 25,
    }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ plant, script }) => {
      let turn = 0;
      device.behaviour = (request: DeviceRequest) => {
        const trick = tricks[script[turn++ % script.length] ?? -1];
        return trick === undefined ? response(request, data(request)) : trick(request);
      };
      const configuration = server(device.port, plant.points, { ...plant, timeoutMs: 5000 });
      const client = new ModbusTcpClient(configuration, new ModbusConnections(), () => 0);
      try {
        for (let round = 0; round < 4; round++) {
          const sink = new RecordingSink();
          try {
            await client.connect(running);
            await client.poll(sink, running);
            await client.poll(sink, running);
          } catch (error) {
            assert.ok(error instanceof ServerError, String(error));
          }
          for (const [index, configured] of plant.points.entries()) {
            const seen = sink.seen(index);
            if (seen === undefined || "status" in seen) continue;
            assert.deepEqual(seen, { type: configured.type, value: truth(configured) });
          }
        }
      } finally {
        await client.disconnect();
      }
    }),
    { numRuns: 250 },
  );
});
