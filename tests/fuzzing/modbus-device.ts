// A device that answers requests with spoiled replies, in pieces, late or not at all, and hangs up when it likes; the real connection asks it.
//
// An answer counts only if the device has sent exactly these bytes under the transaction id of that request; everything else has to be a time-out
// or one of the errors that end a connection.

import assert from "node:assert/strict";

import type { ReadFunction } from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import type { Requester } from "../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import { ModbusConnections } from "../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { data, exception, response, startDevice, type DeviceRequest } from "../plant/modbus-device.ts";
import type { Target } from "./campaign.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const waitsLong: Requester = { server: "Fuzz", timeoutMs: 10_000, pauseBetweenRequestsMs: 0 };
const requester: Requester = { ...waitsLong, timeoutMs: 15 };
const allowedErrors: ReadonlySet<string> = new Set(["ProtocolViolation", "Timeout", "ConnectionFailed"]);

export async function modbusDevice(): Promise<Target> {
  const device = await startDevice(() => undefined);
  const connection = new ModbusConnections().acquire("127.0.0.1", device.port);
  const notes: Record<string, number> = { data: 0, exception: 0, timeout: 0 };
  let sent: Buffer[] = [];
  const count = (outcome: string): void => {
    notes[outcome] = (notes[outcome] ?? 0) + 1;
  };

  const ask = async (random: Random, input: number, place: number): Promise<void> => {
    const functionCode = random.from(1, 4) as ReadFunction;
    const quantity = random.from(1, functionCode <= 2 ? 2000 : 125);
    const unitId = random.from(1, 3);
    // Tells the requests of one input apart at the device.
    const address = ((input * 4 + place) * 16) % 60_000;
    let read = Buffer.alloc(0);
    const range = { functionCode, address, quantity };
    const bytes = functionCode <= 2 ? Math.ceil(quantity / 8) : 2 * quantity;
    try {
      const answer = await connection.request(requester, unitId, range, (view, offset) => {
        read = Buffer.from(Buffer.from(view.buffer, offset, bytes));
      });
      count(answer.kind);
      if (answer.kind === "timeout") return;
      // More than one where the connection was closed: the request is repeated on the next, under an id of its own.
      const requests = device.requests.filter((one) => one.address === address && one.unitId === unitId);
      assert.ok(requests.length > 0);
      const replies = requests.map((one) =>
        answer.kind === "data" ? response(one, read) : exception(one, answer.code),
      );
      assert.ok(
        replies.some((reply) => Buffer.concat(sent).includes(reply)),
        `nobody sent ${replies.map((reply) => reply.toString("hex")).join(" or ")}`,
      );
    } catch (error) {
      if (!(error instanceof ServerError) || !allowedErrors.has(error.code)) throw error;
      count(error.code);
    }
  };

  return {
    name: "Modbus TCP connection, rogue device",
    run: async (random, input) => {
      device.requests.length = 0;
      device.received.length = 0;
      sent = [];
      device.behaviour = (request) => {
        misbehave(request, random, (bytes) => sent.push(bytes));
        return undefined;
      };
      await connection.open(waitsLong);
      await Promise.all(Array.from({ length: random.from(1, 3) }, (_, place) => ask(random, input, place)));
    },
    close: async () => {
      connection.close();
      await device.close();
    },
    notes: () => notes,
  };
}

function misbehave(request: DeviceRequest, random: Random, remember: (bytes: Buffer) => void): void {
  const { socket } = request;
  const write = (bytes: Buffer): void => {
    if (bytes.length === 0 || socket.destroyed || socket.writableEnded) return;
    remember(bytes);
    socket.write(bytes);
  };
  let reply = random.oneIn(4) ? exception(request, random.below(256)) : response(request, data(request));
  if (!random.oneIn(4)) reply = mutate(reply, random);
  const cut = random.oneIn(3) ? random.below(reply.length + 1) : reply.length;
  write(reply.subarray(0, cut));
  const end = random.below(32);
  setImmediate(() => {
    write(reply.subarray(cut));
    if (end === 0) socket.resetAndDestroy();
    else if (end <= 8) socket.end();
  });
}
