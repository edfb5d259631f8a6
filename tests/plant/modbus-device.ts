// The simulator's Modbus TCP device, scripted by a test byte by byte: correct by default, as wrong as the test wants it.
// It has its own encoder, so that the client's is not judged by itself.

import type { Socket } from "node:net";
import { ModbusDevice } from "../../packages/simulator/src/modbus-device.ts";

export interface DeviceRequest {
  readonly transactionId: number;
  readonly unitId: number;
  readonly functionCode: number;
  readonly address: number;
  readonly quantity: number;
  /** 0 for the first TCP connection, 1 for the second ... */
  readonly connection: number;
  readonly socket: Socket;
}

/** What the device sends for a request: bytes, or nothing when undefined. It may also use the socket itself. */
export type Behaviour = (request: DeviceRequest) => Buffer | undefined;

export interface RogueDevice {
  readonly port: number;
  readonly requests: DeviceRequest[];
  /** All that was received, connection after connection. */
  readonly received: Buffer[];
  connections: number;
  behaviour: Behaviour;
  /** Called for each new TCP connection. */
  onConnection: (socket: Socket) => void;
  openSockets(): number;
  dropAll(): void;
  close(): Promise<void>;
}

export async function startDevice(behaviour: Behaviour = honest(), port = 0, host = "127.0.0.1"): Promise<RogueDevice> {
  const simulated = await ModbusDevice.listen({ table: () => undefined, port, host });
  const numbers = new Map<Socket, number>();
  simulated.onConnection = (socket) => {
    numbers.set(socket, device.connections++);
    socket.on("data", (chunk) => device.received.push(chunk));
    socket.once("close", () => numbers.delete(socket));
    device.onConnection(socket);
  };
  simulated.respond = (bytes, socket) => {
    const request: DeviceRequest = {
      transactionId: bytes.readUInt16BE(0),
      unitId: bytes.readUInt8(6),
      functionCode: bytes.readUInt8(7),
      address: bytes.readUInt16BE(8),
      quantity: bytes.readUInt16BE(10),
      connection: numbers.get(socket) ?? 0,
      socket,
    };
    device.requests.push(request);
    return device.behaviour(request);
  };
  const device: RogueDevice = {
    port: simulated.port,
    requests: [],
    received: [],
    connections: 0,
    behaviour,
    onConnection: () => undefined,
    openSockets: () => numbers.size,
    dropAll: () => {
      for (const socket of numbers.keys()) socket.destroy();
    },
    close: () => simulated.stop(),
  };
  return device;
}

/** The cell of a plant in which every address of every unit id and function holds something else. */
export type Cell = (unitId: number, functionCode: number, address: number) => number;

/** 16 bits that look random, and differ between neighbours. */
export function scrambled(unitId: number, functionCode: number, address: number): number {
  let mixed = (unitId * 0x9e3779b1 + functionCode * 0x85ebca77 + address * 0xc2b2ae3d) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
  return (mixed ^ (mixed >>> 13)) & 0xffff;
}

/** Answers every range with the plant's cells; a coil is the lowest bit of its cell. */
export function honest(cell: Cell = scrambled): Behaviour {
  return (request) => response(request, data(request, cell));
}

export function data(request: DeviceRequest, cell: Cell = scrambled): Buffer {
  const { unitId, functionCode, address, quantity } = request;
  const isBits = functionCode <= 2;
  const bytes = Buffer.alloc(isBits ? Math.ceil(quantity / 8) : quantity * 2);
  for (let distance = 0; distance < quantity; distance++) {
    const value = cell(unitId, functionCode, address + distance);
    if (!isBits) bytes.writeUInt16BE(value, distance * 2);
    else if ((value & 1) === 1) bytes[distance >> 3] = (bytes[distance >> 3] ?? 0) | (1 << (distance & 7));
  }
  return bytes;
}

/** A whole frame with data; `changes` spoil single fields. */
export function response(request: DeviceRequest, bytes: Buffer, changes: FrameChanges = {}): Buffer {
  return frame(request, Buffer.from([request.functionCode, bytes.length, ...bytes]), changes);
}

export function exception(request: DeviceRequest, code: number, changes: FrameChanges = {}): Buffer {
  return frame(request, Buffer.from([request.functionCode | 0x80, code]), changes);
}

export interface FrameChanges {
  readonly transactionId?: number;
  readonly protocolId?: number;
  readonly length?: number;
  readonly unitId?: number;
}

export function frame(request: DeviceRequest, pdu: Buffer, changes: FrameChanges = {}): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt16BE((changes.transactionId ?? request.transactionId) & 0xffff, 0);
  header.writeUInt16BE(changes.protocolId ?? 0, 2);
  header.writeUInt16BE(changes.length ?? pdu.length + 1, 4);
  header.writeUInt8((changes.unitId ?? request.unitId) & 0xff, 6);
  return Buffer.concat([header, pdu]);
}
