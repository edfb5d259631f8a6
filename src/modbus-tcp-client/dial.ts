// Opens the TCP connection to a device and reduces the socket's events to three: opened, bytes, lost.

import { connect, type Socket } from "node:net";

import type { ServerErrorCode } from "../point/server-error.ts";

/** Why there is no connection (any more): completes "cannot read from HOST:PORT because ...". */
export interface Failure {
  readonly code: ServerErrorCode;
  readonly because: string;
  readonly cause?: unknown;
}

export interface Line {
  opened(): void;
  /** The first `lengthBytes` of `chunk`, valid during the call. */
  received(chunk: Uint8Array, lengthBytes: number): void;
  /** Called once, and last; also after our own `destroy` of the socket. */
  lost(failure: Failure): void;
}

const KEEP_ALIVE_AFTER_MS = 10_000;
/** One read of the socket; a device answers one request at a time, so a few frames are plenty. */
const READ_BYTES = 1024;

/** What goes wrong, now or later, is told to `line.lost`; the socket is destroyed by then. Throws for a port that is none. */
export function dial(host: string, port: number, timeoutMs: number, line: Line): Socket {
  const chunk = new Uint8Array(READ_BYTES);
  let failure: Failure = { code: "ConnectionFailed", because: "the connection was closed" };
  const socket = connect({
    host,
    port,
    // MODBUS Messaging on TCP/IP V1.0b, 4.3: small requests must not wait for each other, and a dead peer must be noticed.
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    onread: {
      buffer: chunk,
      callback: (lengthBytes) => {
        line.received(chunk, lengthBytes);
        return true;
      },
    },
  });
  const timer = setTimeout(() => {
    // A process that was held up finds timers due before it has seen what happened meanwhile: let it look first.
    setImmediate(() => {
      if (!socket.connecting) return;
      failure = { code: "Timeout", because: `there was no connection within ${timeoutMs} ms` };
      socket.destroy();
    });
  }, timeoutMs);
  socket.once("connect", () => {
    clearTimeout(timer);
    line.opened();
  });
  socket.once("end", () => {
    failure = { code: "ConnectionFailed", because: "the device closed the connection" };
    socket.destroy();
  });
  socket.once("error", (error: NodeJS.ErrnoException) => {
    failure = { code: "ConnectionFailed", because: describe(error), cause: error };
  });
  socket.once("close", () => {
    clearTimeout(timer);
    line.lost(failure);
  });
  return socket;
}

const meaningByErrno: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing listens there"],
  ["ECONNRESET", "the device reset the connection"],
  ["EPIPE", "the device closed the connection"],
  ["ENOTFOUND", "the host name is not known"],
  ["EAI_AGAIN", "the host name cannot be looked up at the moment"],
  ["EHOSTUNREACH", "there is no route to the host"],
  ["ENETUNREACH", "there is no route to the network"],
  ["ETIMEDOUT", "the device is silent on the network"],
]);

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === undefined) return error.message;
  const meaning = meaningByErrno.get(error.code);
  return meaning === undefined ? error.code : `${meaning} (${error.code})`;
}
