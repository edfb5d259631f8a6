// What a test file of the Modbus client begins with: devices, clients and connections that are gone after each test.

import assert from "node:assert/strict";
import { afterEach } from "node:test";

import type {
  ModbusPoint,
  ModbusServer,
} from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import type { Log } from "../../packages/process/src/log.ts";
import { ModbusConnections } from "../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "../../packages/partition/src/library/modbus-tcp-client.ts";
import type { Requester } from "../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import { FirstAnswer } from "../../packages/partition/src/protocols/modbus/connection/first-answer.ts";
import {
  ModbusConnection,
  type LineSettings,
} from "../../packages/partition/src/protocols/modbus/connection/modbus-connection.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { RecordingSink, server } from "./modbus-points.ts";
import {
  data,
  exception,
  honest,
  response,
  startDevice,
  type Behaviour,
  type Cell,
  type RogueDevice,
} from "./modbus-device.ts";

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

/** Who asks over a connection, and who does not wait long for the answer. */
export const patient: Requester = { server: "Plant", timeoutMs: 10_000, pauseBetweenRequestsMs: 0 };
export const impatient: Requester = { server: "Hasty", timeoutMs: 60, pauseBetweenRequestsMs: 0 };

export async function connectionTo(port: number, settings?: LineSettings): Promise<ModbusConnection> {
  const connection = new ModbusConnection({ host: "127.0.0.1", port, tls: undefined }, new FirstAnswer(), settings);
  cleanUps.push(() => connection.close());
  await connection.open(patient);
  return connection;
}

/** A connection to a device of its own. */
export async function openConnection(
  behaviour?: Behaviour,
  settings?: LineSettings,
): Promise<{ device: RogueDevice; connection: ModbusConnection }> {
  const started = await device(behaviour);
  return { device: started, connection: await connectionTo(started.port, settings) };
}

/** A client that is connected. */
export async function clientAt(
  port: number,
  points: readonly ModbusPoint[],
  changes: Partial<ModbusServer> = {},
  clock?: () => number,
  log?: Log,
): Promise<ModbusTcpClient> {
  const client = new ModbusTcpClient(server(port, points, changes), new ModbusConnections(), clock, log);
  cleanUps.push(() => client.disconnect());
  await client.connect(running);
  return client;
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
  const client = await clientAt(started.port, points, changes, clock.read, log);
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

/** Polls a device that misbehaves: each value is the device's own answer to this poll, and no point is forgotten. A failure ends the connection. */
export async function pollTruly(client: ModbusTcpClient, points: readonly ModbusPoint[], cell: Cell): Promise<void> {
  const sink = new RecordingSink();
  try {
    await client.connect(running);
    await client.poll(sink, running);
  } catch (error) {
    assert.ok(error instanceof ServerError, String(error));
    await client.disconnect();
    return;
  }
  for (const [index, { unitId, functionCode, address }] of points.entries()) {
    const value = sink.value(index);
    const place = `unit ${unitId}, address ${address}`;
    if (value !== undefined) assert.equal(value, cell(unitId, functionCode, address), place);
    assert.ok(sink.seen(index) !== undefined, `${place} was forgotten`);
  }
}

export async function rejected(
  promise: Promise<unknown>,
  code: FailureKind,
  because = /^/,
  asker = patient,
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, because);
    assert.equal(error.server, asker.server);
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
