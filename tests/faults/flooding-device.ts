// A Modbus device that answers as it should until it is told to flood, as a process of its own: what it costs to flood is not the witness's time.
// `flooding-device.ts HABIT [CERTIFICATE KEY AUTHORITY]`. Says its port in a message, floods after the message "flood", and no more after "stop".

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { exception, frame, startDevice, type DeviceRequest } from "../plant/modbus-device.ts";
import { RecordType, startTlsRogue, type RogueConnection } from "../plant/tls-rogue.ts";
import { bornBehaviour } from "./born-modbus.ts";

const [habit = "", ...files] = process.argv.slice(2);
const honest = bornBehaviour(0);
let isFlooding = false;

/** Writes as fast as the other side takes it, and goes on when it takes more. */
function flood(socket: Socket, next: () => Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(next()));
  };
  socket.on("drain", more);
  more();
}

function repeated(piece: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(65_536 / piece.length) }, () => piece));
}

/** Pieces in which every one is made anew, since each record has its number. */
function made(count: number, one: () => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, one));
}

const plain: Readonly<Record<string, (request: DeviceRequest) => Buffer | undefined>> = {
  "answers nobody asked for": (request) => {
    const wrong = made(2000, () => frame(request, Buffer.of(3, 2, 0, 0), { transactionId: request.transactionId + 1 }));
    flood(request.socket, () => wrong);
    return undefined;
  },
  "a gateway's exceptions": (request) => {
    const again = repeated(exception(request, 11));
    flood(request.socket, () => again);
    return undefined;
  },
  "single bytes": (request) => {
    for (const byte of honest(request) ?? []) request.socket.write(Buffer.of(byte));
    flood(request.socket, () => Buffer.of(7));
    return undefined;
  },
  garbage: (request) => {
    const garbage = randomBytes(1 << 20);
    garbage[2] = 1;
    flood(request.socket, () => garbage);
    return undefined;
  },
  "nothing, and reads nothing": (request) => {
    request.socket.pause();
    return undefined;
  },
};

/** RFC 8446, 4.6.1: lifetime, age, nonce, ticket, no extensions. */
const ticket = Buffer.from("0400001200001c200102030401070004010203040000", "hex");
const helloRequests = repeated(Buffer.of(RecordType.handshake, 3, 3, 0, 4, 0, 0, 0, 0));

const secure: Readonly<Record<string, (connection: RogueConnection, secure: TLSSocket) => void>> = {
  "session tickets": ({ socket, applicationKeys }) => {
    if (applicationKeys === undefined) return;
    flood(socket, () =>
      made(100, () =>
        applicationKeys.seal(
          RecordType.handshake,
          made(100, () => ticket),
        ),
      ),
    );
  },
  "key updates": ({ socket, applicationKeys }) => {
    if (applicationKeys !== undefined) flood(socket, () => made(500, () => applicationKeys.sealKeyUpdate()));
  },
  "empty records": ({ socket, applicationKeys }) => {
    if (applicationKeys === undefined) return;
    flood(socket, () => made(500, () => applicationKeys.seal(RecordType.applicationData, Buffer.alloc(0))));
  },
  renegotiations: (_, device) => {
    const again = (): void => {
      if (!device.destroyed) device.renegotiate({}, () => setImmediate(again));
    };
    device.on("error", () => undefined);
    again();
  },
};

const device = await startDevice((request) => (isFlooding ? (plain[habit] ?? honest)(request) : honest(request)));

async function startSecure(): Promise<number> {
  const [cert = "", key = "", ca = ""] = files.map((file) => readFileSync(file, "utf8"));
  const options = { cert, key, ca, ...(habit === "renegotiations" ? { maxVersion: "TLSv1.2" as const } : {}) };
  const { port } = await startTlsRogue(options, {
    change: (bytes, { isOpen, socket }) => {
      if (!isFlooding || isOpen || habit !== "a handshake without end") return bytes;
      flood(socket, () => helloRequests);
      return Buffer.alloc(0);
    },
    opened: (connection, socket) => {
      const inner = connect(device.port, "127.0.0.1").on("error", () => socket.destroy());
      socket.pipe(inner).pipe(socket);
      for (const [end, other] of [
        [socket, inner],
        [inner, socket],
      ] as const)
        end.once("close", () => other.destroy());
      if (isFlooding) secure[habit]?.(connection, socket);
    },
  });
  return port;
}

process.send?.(String(files.length === 0 ? device.port : await startSecure()));
process.on("message", (message) => {
  isFlooding = message === "flood";
  device.dropAll();
});
