// What stands before a plain Modbus device to make it a secure one: a TLS server that passes the bytes on, as gateways do.

import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";

export interface TlsFront {
  readonly port: number;
  /** Of every connection whose handshake succeeded on this side. */
  readonly handshakes: {
    readonly version: string | null;
    readonly resumed: boolean;
    readonly client: string | undefined;
  }[];
  /** Codes of the handshakes that failed on this side. */
  readonly failures: (string | undefined)[];
  close(): Promise<void>;
}

/** Asks for a client certificate and refuses who has none that `options.ca` issued. */
export async function startTlsFront(devicePort: number, options: TlsOptions, host = "127.0.0.1"): Promise<TlsFront> {
  const sockets = new Set<Socket | TLSSocket>();
  const server = createServer({ requestCert: true, rejectUnauthorized: true, ...options }, (socket) => {
    const certificate = socket.getPeerX509Certificate();
    handshakes.push({
      version: socket.getProtocol(),
      resumed: socket.isSessionReused(),
      client: certificate?.subject,
    });
    const device = connect(devicePort, "127.0.0.1");
    for (const [end, other] of [
      [socket, device],
      [device, socket],
    ] as const) {
      sockets.add(end);
      end.on("error", () => undefined);
      end.once("close", () => {
        sockets.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  const handshakes: TlsFront["handshakes"] = [];
  const failures: TlsFront["failures"] = [];
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => failures.push(error.code));
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    handshakes,
    failures,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
