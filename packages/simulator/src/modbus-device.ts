// A Modbus TCP server to try a client on, with faults on demand. Its frames are written apart from the client's codec, so that
// an error there is not hidden by the same error here.
//
// Promises: function codes 1 to 4 after MODBUS Application Protocol V1.1b3, 6.1 to 6.4, over the frames of MODBUS Messaging on
// TCP/IP V1.0b, 3.1.3; any number of connections, each served in order. All addresses of one answer are of one moment.
// Does not: write anything; keep connections apart that misbehave (a frame that breaks the protocol ends its connection).

import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import type { ReadFunction } from "cpc-partition/protocols/modbus/configuration/modbus-server";

/** A bit (0 or 1) or register (0 to 65535) at that moment; undefined: the device has nothing there. */
export type ModbusTable = (
  functionCode: ReadFunction,
  unitId: number,
  address: number,
  atMs: number,
) => number | undefined;

export interface ModbusRequest {
  readonly functionCode: number;
  readonly unitId: number;
  readonly address: number;
  readonly quantity: number;
}

export interface ModbusDeviceOptions {
  readonly table: ModbusTable;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port; `port` of the device tells which. */
  readonly port?: number;
  /** Exception 2 for a range with an address that the table does not have; otherwise such an address reads as 0. */
  readonly strict?: boolean;
  /** Default: every unit id is there. Another one gets exception 11, as from a gateway whose device is silent. */
  readonly unitIds?: readonly number[];
}

/** V1.1b3, 7 "MODBUS Exception Responses". */
export const ModbusException = {
  IllegalFunction: 1,
  IllegalDataAddress: 2,
  IllegalDataValue: 3,
  ServerDeviceFailure: 4,
  GatewayTargetFailedToRespond: 11,
} as const;

const headerBytes = 7;
const maxPduBytes = 253;
const maxBits = 2000;
const maxRegisters = 125;

export class ModbusDevice {
  readonly host: string;
  readonly port: number;
  /** Fault on demand: an exception code to answer this request with, or undefined to answer it as usual. */
  exceptionFor: ((request: ModbusRequest) => number | undefined) | undefined = undefined;
  /** Fault on demand: sees each whole frame, and decides which bytes are sent for it, if any. */
  respond: (frame: Buffer, socket: Socket) => Buffer | undefined = (frame) => this.#answer(frame);
  /** Called with each new connection, before anything is received. */
  onConnection: (socket: Socket) => void = () => {};
  /** Requests answered so far, exceptions included. */
  answered = 0;
  readonly #options: ModbusDeviceOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #paused = false;

  private constructor(server: Server, options: ModbusDeviceOptions) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.#server = server;
    this.#options = options;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /** Rejects with the system's error when the port cannot be had. */
  static async listen(options: ModbusDeviceOptions): Promise<ModbusDevice> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: options.host ?? "127.0.0.1", port: options.port ?? 0 }, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
    return new ModbusDevice(server, options);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Fault on demand: connections are accepted and requests swallowed, nothing is answered until `resume`; then all of it is. */
  pause(): void {
    this.#paused = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Fault on demand: every connection ends with a reset. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    let pending: Buffer = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy()); // the client's trouble, not the device's
    socket.on("close", () => this.#sockets.delete(socket));
    this.onConnection(socket);
    socket.on("data", (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (pending.length >= headerBytes) {
        const lengthBytes = pending.readUInt16BE(4); // counts the unit id and the PDU
        if (pending.readUInt16BE(2) !== 0 || lengthBytes < 2 || lengthBytes > 1 + maxPduBytes) {
          socket.destroy();
          return;
        }
        const frameBytes = headerBytes - 1 + lengthBytes;
        if (pending.length < frameBytes) return;
        const reply = this.respond(pending.subarray(0, frameBytes), socket);
        if (reply !== undefined && reply.length > 0) socket.write(reply);
        pending = pending.subarray(frameBytes);
      }
    });
    if (this.#paused) socket.pause();
  }

  #answer(frame: Buffer): Buffer {
    const unitId = frame.readUInt8(6);
    const functionCode = frame.readUInt8(7);
    const result = this.#execute(unitId, functionCode, frame.subarray(headerBytes + 1));
    this.answered += 1;
    const pdu =
      typeof result === "number"
        ? Buffer.of(functionCode | 0x80, result)
        : Buffer.concat([Buffer.of(functionCode, result.length), result]);
    const header = Buffer.alloc(headerBytes);
    frame.copy(header, 0, 0, 4); // transaction and protocol id go back as they came
    header.writeUInt16BE(1 + pdu.length, 4);
    header.writeUInt8(unitId, 6);
    return Buffer.concat([header, pdu]);
  }

  /** The data bytes of the answer, or an exception code. */
  #execute(unitId: number, functionCode: number, body: Buffer): Buffer | number {
    const { unitIds, strict = false, table } = this.#options;
    if (unitIds !== undefined && !unitIds.includes(unitId)) return ModbusException.GatewayTargetFailedToRespond;
    if (!isReadFunction(functionCode)) return ModbusException.IllegalFunction;
    if (body.length !== 4) return ModbusException.IllegalDataValue;
    const address = body.readUInt16BE(0);
    const quantity = body.readUInt16BE(2);
    const fault = this.exceptionFor?.({ functionCode, unitId, address, quantity });
    if (fault !== undefined) return fault;
    const ofBits = functionCode <= 2;
    if (quantity < 1 || quantity > (ofBits ? maxBits : maxRegisters)) return ModbusException.IllegalDataValue;
    if (address + quantity > 0x10000) return ModbusException.IllegalDataAddress;
    const atMs = Date.now();
    const data = Buffer.alloc(ofBits ? Math.ceil(quantity / 8) : 2 * quantity);
    for (let i = 0; i < quantity; i += 1) {
      const value = table(functionCode, unitId, address + i, atMs);
      if (value === undefined && strict) return ModbusException.IllegalDataAddress;
      // The first bit is the least significant one of the first byte (V1.1b3, 6.1); registers are big-endian.
      if (!ofBits) data.writeUInt16BE((value ?? 0) & 0xffff, 2 * i);
      else if (value === 1) data[i >> 3] = (data[i >> 3] ?? 0) | (1 << (i & 7));
    }
    return data;
  }
}

function isReadFunction(code: number): code is ReadFunction {
  return code >= 1 && code <= 4;
}
