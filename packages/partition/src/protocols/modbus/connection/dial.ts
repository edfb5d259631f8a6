// Opens the connection to a device, plain or inside TLS as configured, and reduces the socket's events to three: opened, bytes,
// lost. It never tries the one where the other is configured.

import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { ModbusTls } from "../configuration/modbus-server.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { askForAddresses } from "../../../sources/host-addresses.ts";
import { FloodError, MeteredLine } from "./metered-line.ts";
import {
  closedBeforeAnswer,
  endOfCertificateMs,
  securityFailure,
  tlsOptions,
  type DialPhase,
} from "./transport-security.ts";

/** Why there is no connection (any more): completes "cannot read from HOST:PORT because ...". */
export interface Failure {
  readonly code: FailureKind;
  readonly because: string;
  readonly cause?: unknown;
}

/** Where a device is, and how it is reached. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: ModbusTls | undefined;
}

export interface SocketEvents {
  /** Wall clock, when the certificate that the device showed expires, and ours. */
  opened(certificateEndsMs: number | undefined, ownCertificateEndsMs: number | undefined): void;
  /** The first `lengthBytes` of `chunk`, valid during the call. */
  received(chunk: DataView, lengthBytes: number): void;
  /** Called once, and last; also after our own `destroy` of the socket. */
  lost(failure: Failure): void;
}

const KEEP_ALIVE_AFTER_MS = 10_000;
/** One read of the socket; a device answers one request at a time, so a few frames are plenty. */
const READ_BYTES = 1024;
/** One for all sockets of the thread, for what comes is taken during the call: so it stays in the processor's cache. */
const piece = new DataView(new ArrayBuffer(READ_BYTES));
const pieceBytes = new Uint8Array(piece.buffer);

const CLOSED_BEFORE_ANSWER: Failure = { code: "SecurityRefused", because: closedBeforeAnswer };

/**
 * What goes wrong, now or later, is told to `events.lost`; the socket is destroyed by then. Throws for a port that is none, and a
 * CertificateError for files that cannot be used.
 */
export function dial(endpoint: Endpoint, timeoutMs: number, events: SocketEvents): Socket {
  let failure: Failure = { code: "ConnectionFailed", because: "the connection was closed" };
  const { tls } = endpoint;
  let phase: DialPhase = "reaching";
  const opened: SocketEvents["opened"] = (certificateEndsMs, ownCertificateEndsMs) => {
    phase = "open";
    clearTimeout(timer);
    events.opened(certificateEndsMs, ownCertificateEndsMs);
  };
  const received = (chunk: DataView, lengthBytes: number): void => {
    phase = "answering";
    events.received(chunk, lengthBytes);
  };
  const noConnection = `there was no connection within ${timeoutMs} ms`;
  const noAddress = `its name was not looked up within ${timeoutMs} ms: the name server does not answer`;
  const { socket, tcp } =
    tls === undefined ? dialPlain(endpoint, received, opened) : dialSecure(endpoint, tls, received, opened);
  let isLookedUp = isIP(endpoint.host) !== 0;
  tcp.once("lookup", () => (isLookedUp = true));
  const timer = setTimeout(() => {
    // A process that was held up finds timers due before it has seen what happened meanwhile: let it look first.
    setImmediate(() => {
      if (phase === "open" || phase === "answering") return;
      failure =
        phase === "reaching"
          ? { code: "Timeout", because: isLookedUp ? noConnection : noAddress }
          : {
              code: "SecurityRefused",
              because: `the TLS handshake had no end within ${timeoutMs} ms: it may not speak TLS`,
            };
      socket.destroy();
    });
  }, timeoutMs);
  tcp.once("connect", () => {
    if (phase === "reaching") phase = "handshake";
  });
  socket.once("end", () => {
    const refusal = tls === undefined || phase === "answering" ? undefined : CLOSED_BEFORE_ANSWER;
    failure = refusal ?? { code: "ConnectionFailed", because: "the device closed the connection" };
    socket.destroy();
  });
  let isReported = false;
  // More than one may come: the line below TLS ends with an error, and TLS then complains about the line.
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (isReported) return;
    isReported = true;
    if (error instanceof FloodError) {
      failure = flood(error, phase);
      return;
    }
    const refusal = tls === undefined ? undefined : securityFailure(error, tls.serverName, phase);
    failure =
      refusal === undefined
        ? { code: "ConnectionFailed", because: describe(error), cause: error }
        : { code: "SecurityRefused", because: refusal, cause: error };
  });
  socket.once("close", () => {
    clearTimeout(timer);
    events.lost(failure);
  });
  return socket;
}

// MODBUS Messaging on TCP/IP V1.0b, 4.3: small requests must not wait for each other, and a dead peer must be noticed.
const tcpOptions = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  lookup: lookUp,
} as const;

function lookUp(host: string, { all }: Parameters<LookupFunction>[1], done: Parameters<LookupFunction>[2]): void {
  askForAddresses(host, (error, addresses) => {
    if (error !== null) done(error, "");
    else if (all === true) done(null, addresses);
    else done(null, addresses[0]?.address ?? "", addresses[0]?.family);
  });
}

interface Dialled {
  /** What requests are written to. */
  readonly socket: Socket;
  /** The same, or the connection below TLS. */
  readonly tcp: Socket;
}

function dialPlain(
  { host, port }: Endpoint,
  received: SocketEvents["received"],
  opened: SocketEvents["opened"],
): Dialled {
  const socket = connect({
    host,
    port,
    ...tcpOptions,
    onread: {
      buffer: pieceBytes,
      callback: (lengthBytes) => {
        received(piece, lengthBytes);
        return true;
      },
    },
  });
  socket.once("connect", () => opened(undefined, undefined));
  return { socket, tcp: socket };
}

function dialSecure(
  { host, port }: Endpoint,
  tls: ModbusTls,
  received: SocketEvents["received"],
  opened: SocketEvents["opened"],
): Dialled {
  const options = tlsOptions(tls);
  const line = new MeteredLine(
    (onread) => connect({ host, port, ...tcpOptions, onread }),
    () => socket.bytesWritten,
  );
  const socket = connectTls({ socket: line, ...options });
  line.once("error", (error) => socket.destroy(error));
  socket.once("close", () => line.destroy());
  socket.on("data", ({ buffer, byteOffset, length }: Buffer) =>
    received(new DataView(buffer, byteOffset, length), length),
  );
  socket.once("secureConnect", () =>
    opened(endOfCertificateMs(socket.getPeerX509Certificate()), endOfCertificateMs(socket.getX509Certificate())),
  );
  return { socket, tcp: line.socket };
}

function flood({ mostBytes }: FloodError, phase: DialPhase): Failure {
  return phase === "open" || phase === "answering"
    ? {
        code: "ProtocolViolation",
        because: `it floods the connection: more than ${mostBytes} bytes came for one request`,
      }
    : { code: "SecurityRefused", because: `the TLS handshake had no end within ${mostBytes} bytes` };
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
  ["EMFILE", "this process has reached its limit of open files; raise it"],
]);

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === undefined) return error.message;
  const meaning = meaningByErrno.get(error.code);
  return meaning === undefined ? error.code : `${meaning} (${error.code})`;
}
