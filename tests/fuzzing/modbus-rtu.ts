// A device behind an RTU gateway that answers with spoiled frames, noise and foreign pieces; the real connection asks it.
//
// An answer counts only if the device has sent exactly this frame, with its CRC, since it was asked.

import assert from "node:assert/strict";

import type { ReadFunction } from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import type { Requester } from "../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import { ModbusConnections } from "../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { rtu } from "../../packages/partition/src/protocols/modbus/framing/rtu.ts";
import { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { data, type DeviceRequest } from "../plant/modbus-device.ts";
import { rtuException, rtuResponse, startRtuDevice } from "../plant/rtu-device.ts";
import type { Target } from "./campaign.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const patient: Requester = { server: "Fuzz", timeoutMs: 10_000, pauseBetweenRequestsMs: 0 };
const requester: Requester = { ...patient, timeoutMs: 15 };
const allowedErrors: ReadonlySet<string> = new Set(["ProtocolViolation", "Timeout", "ConnectionFailed"]);

export async function modbusRtu(): Promise<Target> {
  const device = await startRtuDevice(() => undefined);
  const connection = new ModbusConnections().acquire("127.0.0.1", device.port, undefined, {
    framing: rtu,
    windowSize: 1,
  });
  const notes: Record<string, number> = { data: 0, exception: 0, timeout: 0 };
  const count = (outcome: string): void => {
    notes[outcome] = (notes[outcome] ?? 0) + 1;
  };
  return {
    name: "Modbus RTU connection, rogue device",
    run: async (random) => {
      const functionCode = random.from(1, 4) as ReadFunction;
      const quantity = random.from(1, functionCode <= 2 ? 2000 : 125);
      const range = { functionCode, address: random.below(60_000), quantity };
      const unitId = random.from(1, 3);
      device.requests.length = 0;
      const sent: Buffer[] = [];
      device.behaviour = (request) => {
        const bytes = spoiled(request, random);
        sent.push(bytes);
        const cut = random.below(bytes.length + 1);
        if (cut > 0) request.socket.write(bytes.subarray(0, cut));
        setImmediate(() => {
          if (!request.socket.destroyed && cut < bytes.length) request.socket.write(bytes.subarray(cut));
        });
        return undefined;
      };
      let read = Buffer.alloc(0);
      const dataBytes = functionCode <= 2 ? Math.ceil(quantity / 8) : 2 * quantity;
      await connection.open(patient);
      try {
        const answer = await connection.request(requester, unitId, range, (view, offset) => {
          read = Buffer.from(Buffer.from(view.buffer, offset, dataBytes));
        });
        count(answer.kind);
        if (answer.kind === "timeout") return;
        const asked = device.requests[0] ?? assert.fail("nothing was asked");
        const frame = answer.kind === "data" ? rtuResponse(asked, read) : rtuException(asked, answer.code);
        assert.ok(Buffer.concat(sent).includes(frame), `nobody sent ${frame.toString("hex")}`);
      } catch (error) {
        if (!(error instanceof ServerError) || !allowedErrors.has(error.code)) throw error;
        count(error.code);
      }
    },
    close: async () => {
      connection.close();
      await device.close();
    },
    notes: () => notes,
  };
}

function spoiled(request: DeviceRequest, random: Random): Buffer {
  const reply = random.oneIn(4) ? rtuException(request, random.below(256)) : rtuResponse(request, data(request));
  return random.oneIn(3) ? reply : mutate(reply, random);
}
