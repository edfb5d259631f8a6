// A device behind a gateway that passes RTU frames on, scripted by a test: correct by default, as wrong as the test wants it. It has its own
// CRC, so that the client's is not judged by itself.

import { createServer, type AddressInfo, type Socket } from "node:net";

import { data, scrambled, type Cell, type DeviceRequest } from "./modbus-device.ts";

/** What the device sends for a request: bytes, or nothing when undefined. It may also use the socket itself. */
export type RtuBehaviour = (request: RtuRequest) => Buffer | undefined;

export interface RtuRequest extends DeviceRequest {
  readonly frame: Buffer;
}

export interface RtuDevice {
  readonly port: number;
  readonly requests: DeviceRequest[];
  behaviour: RtuBehaviour;
  /** All frames whose CRC was right. */
  connections: number;
  close(): Promise<void>;
}

/** A request for a read: unit id, function, address, quantity, CRC. */
const requestBytes = 8;

export async function startRtuDevice(behaviour: RtuBehaviour = honestRtu()): Promise<RtuDevice> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = device.connections++;
    let pending = Buffer.alloc(0);
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      for (; pending.length >= requestBytes; pending = pending.subarray(requestBytes)) {
        const frame = pending.subarray(0, requestBytes);
        // A device keeps silent about what it cannot read.
        if (!frame.subarray(-2).equals(crc(frame.subarray(0, -2)))) continue;
        const request: RtuRequest = {
          transactionId: 0,
          unitId: frame.readUInt8(0),
          functionCode: frame.readUInt8(1),
          address: frame.readUInt16BE(2),
          quantity: frame.readUInt16BE(4),
          connection,
          socket,
          frame,
        };
        device.requests.push(request);
        const reply = device.behaviour(request);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const device: RtuDevice = {
    port: (server.address() as AddressInfo).port,
    requests: [],
    behaviour,
    connections: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return device;
}

export function honestRtu(cell: Cell = scrambled): RtuBehaviour {
  return (request) => rtuResponse(request, data(request, cell));
}

export function rtuResponse({ unitId, functionCode }: DeviceRequest, bytes: Buffer): Buffer {
  return sealed(Buffer.from([unitId, functionCode, bytes.length, ...bytes]));
}

export function rtuException({ unitId, functionCode }: DeviceRequest, code: number): Buffer {
  return sealed(Buffer.from([unitId, functionCode | 0x80, code]));
}

export function sealed(frame: Buffer): Buffer {
  return Buffer.concat([frame, crc(frame)]);
}

/** MODBUS over Serial Line V1.02, 6.2.2, bit by bit. */
function crc(bytes: Buffer): Buffer {
  let sum = 0xffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = sum % 2 === 1;
      sum = Math.floor(sum / 2);
      if (isOdd) sum ^= 0xa001;
    }
  }
  return Buffer.from([sum & 0xff, sum >> 8]);
}
