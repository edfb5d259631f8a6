// A client connected to a rogue device, polled by the test, with a clock that the test moves.

import assert from "node:assert/strict";
import { afterEach } from "node:test";

import type { ModbusPoint, ModbusServer } from "../../../../packages/partition/src/configuration/configuration.ts";
import type { Log } from "../../../../packages/process/src/log.ts";
import { ModbusConnections } from "../../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "../../../../packages/partition/src/library/modbus-tcp-client.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { RecordingSink, server } from "../../../plant/modbus-points.ts";
import {
  data,
  exception,
  honest,
  response,
  startDevice,
  type Behaviour,
  type RogueDevice,
} from "../../../plant/modbus-device.ts";

export const running = new AbortController().signal;

export const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

export async function device(behaviour: Behaviour = honest()): Promise<RogueDevice> {
  const started = await startDevice(behaviour);
  cleanUps.push(() => started.close());
  return started;
}

/** A clock that the test moves. */
export class Clock {
  nowMs = 1000;
  readonly read = (): number => this.nowMs;
}

export interface Plant {
  readonly client: ModbusTcpClient;
  readonly device: RogueDevice;
  readonly clock: Clock;
  /** `level message`, line by line. */
  readonly logged: string[];
}

export async function connected(
  points: readonly ModbusPoint[],
  behaviour: Behaviour = honest(),
  changes: Partial<ModbusServer> = {},
): Promise<Plant> {
  const started = await device(behaviour);
  const clock = new Clock();
  const logged: string[] = [];
  const log: Log = (level, message) => void logged.push(`${level} ${message}`);
  const client = new ModbusTcpClient(server(started.port, points, changes), new ModbusConnections(), clock.read, log);
  cleanUps.push(() => client.disconnect());
  await client.connect(running);
  return { client, device: started, clock, logged };
}

/** One poll: what came, and with which requests (`unit/function: address+quantity`). */
export async function poll({ client, device: plant }: Pick<Plant, "client" | "device">): Promise<{
  sink: RecordingSink;
  asked: string[];
}> {
  const sink = new RecordingSink();
  const before = plant.requests.length;
  await client.poll(sink, running);
  const asked = plant.requests
    .slice(before)
    .map(({ unitId, functionCode, address, quantity }) => `${unitId}/${functionCode}: ${address}+${quantity}`);
  return { sink, asked };
}

export async function rejected(promise: Promise<unknown>, code: FailureKind): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.code, code, error.message);
    assert.equal(error.server, "Plant");
    return true;
  });
}

export function refusing(isIllegal: (address: number, unitId: number) => boolean, code = 2): Behaviour {
  return (request) => {
    for (let distance = 0; distance < request.quantity; distance++) {
      if (isIllegal(request.address + distance, request.unitId)) return exception(request, code);
    }
    return response(request, data(request));
  };
}
