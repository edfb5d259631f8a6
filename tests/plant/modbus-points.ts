// Modbus configurations made by hand.

import type {
  ModbusPoint,
  ModbusServer,
  WordOrder,
} from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { isIdentity } from "../../packages/partition/src/protocols/modbus/configuration/decimal.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";

const location = { file: "test.xml", line: 1 };

const widths: ReadonlyMap<BuiltInType, number> = new Map<BuiltInType, number>([
  [BuiltInType.Int32, 2],
  [BuiltInType.UInt32, 2],
  [BuiltInType.Float, 2],
  [BuiltInType.Int64, 4],
  [BuiltInType.UInt64, 4],
  [BuiltInType.Double, 4],
]);

/** A holding register of unit id 1, unless told otherwise. */
export function point(address: number, changes: Partial<ModbusPoint> = {}): ModbusPoint {
  const functionCode = changes.functionCode ?? 3;
  const wireType = changes.wireType ?? (functionCode <= 2 ? BuiltInType.Boolean : BuiltInType.UInt16);
  const scale = changes.scale ?? "1";
  const bias = changes.bias ?? "0";
  return {
    key: `Plant: ${functionCode}/${address}`,
    description: "",
    unit: "",
    functionCode,
    unitId: 1,
    address,
    width: functionCode <= 2 ? 1 : (widths.get(wireType) ?? 1),
    wireType,
    type: isIdentity(scale, bias) ? wireType : BuiltInType.Double,
    bit: -1,
    wordOrder: "ABCD",
    scale,
    bias,
    location,
    ...changes,
  };
}

/** Registers (or what `changes` make of them) at consecutive addresses. */
export function run(address: number, count: number, changes: Partial<ModbusPoint> = {}): ModbusPoint[] {
  return Array.from({ length: count }, (_, distance) => point(address + distance, changes));
}

export function server(
  port: number,
  points: readonly ModbusPoint[],
  changes: Partial<ModbusServer> = {},
): ModbusServer {
  return {
    alias: "Plant",
    host: "127.0.0.1",
    port,
    intervalMs: undefined,
    timeoutMs: 5000,
    retryIntervalMs: 30_000,
    maxRegistersPerRequest: 125,
    maxGap: 0,
    pauseBetweenRequestsMs: 0,
    pauseAfterConnectMs: 0,
    connectsPerRequest: false,
    points,
    location,
    ...changes,
  };
}

/** The permutation of the head comment of register-decoding.ts, done to bytes that are in order; done twice, it undoes itself. */
export function arrange(bytes: Buffer, order: WordOrder): number[] {
  const registers = Array.from({ length: bytes.length / 2 }, (_, index) => [
    ...bytes.subarray(index * 2, index * 2 + 2),
  ]);
  if (order === "CDAB" || order === "DCBA") registers.reverse();
  if (order === "BADC" || order === "DCBA") for (const register of registers) register.reverse();
  return registers.flat();
}

export { RecordingSink, type Seen } from "./recording-sink.ts";
