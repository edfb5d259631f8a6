// A proxy between a client and a server, for every fault that a network has: delay, loss, cuts, slices, resets. It also ends TLS before
// a plain device, as gateways do.
//
// It decides when and whether bytes pass, and changes none unless the test does. Faults may change at any time, for bytes that come
// later.

import { once } from "node:events";
import { connect, createServer, isIPv6, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, Server as TlsServer, type TlsOptions, type TLSSocket } from "node:tls";

export type Direction = "to server" | "to client";

export interface NetworkFaults {
  /** Bytes arrive this much later, in order. */
  delayMs: number;
  /** Bytes vanish in these directions; the connections stay. */
  drop: ReadonlySet<Direction>;
  /** Bytes of both directions are kept back until this is false again. */
  hold: boolean;
  /** Bytes go on in pieces of this size, each in a packet of its own. */
  sliceBytes: number | undefined;
  /** Of each connection this many bytes to the client are still let through, then it is ended: by FIN, or by RST. */
  cutAfterBytes: number | undefined;
  cutBy: "end" | "reset";
  /** New connections are accepted and closed at once. */
  refuseAll: boolean;
  /** Passes what this returns instead. */
  spoil: ((direction: Direction, bytes: Buffer, connection: ProxiedConnection) => Buffer | undefined) | undefined;
}

const noFaults: Readonly<NetworkFaults> = {
  delayMs: 0,
  drop: new Set(),
  hold: false,
  sliceBytes: undefined,
  cutAfterBytes: undefined,
  cutBy: "end",
  refuseAll: false,
  spoil: undefined,
};

export interface ProxyOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Ends TLS here, asks for a client certificate and refuses a client that has none of `ca`; the server gets plain bytes. */
  readonly tls?: TlsOptions;
  readonly faults?: Partial<NetworkFaults>;
}

export interface Handshake {
  readonly version: string | null;
  readonly resumed: boolean;
  readonly client: string | undefined;
}

export class TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Changed by the test, at any time. */
  readonly faults: NetworkFaults;
  /** Connections so far. */
  connections = 0;
  /** Those that `cutAfterBytes` ended. */
  cuts = 0;
  /** With TLS: of every connection whose handshake succeeded on this side, and codes of those that failed. */
  readonly handshakes: Handshake[] = [];
  readonly failures: (string | undefined)[] = [];
  /** Sees bytes as they arrive, and may change the faults that they will suffer. */
  onBytes: (direction: Direction, bytes: Buffer, connection: ProxiedConnection) => void = () => {};
  readonly #server: Server;
  readonly #open = new Set<ProxiedConnection>();

  private constructor(server: Server, targetPort: (connection: number) => number, faults: Partial<NetworkFaults>) {
    this.#server = server;
    this.faults = { ...noFaults, ...faults };
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    server.on("secureConnection", (socket: TLSSocket) => {
      this.handshakes.push({
        version: socket.getProtocol(),
        resumed: socket.isSessionReused(),
        client: socket.getPeerX509Certificate()?.subject,
      });
      this.#accept(socket, targetPort);
    });
    server.on("tlsClientError", ({ code }: NodeJS.ErrnoException) => this.failures.push(code));
    if (!(server instanceof TlsServer)) server.on("connection", (socket) => this.#accept(socket, targetPort));
  }

  /** `targetPort` is asked for each connection, with its number: a server may come back at another port. */
  static async start(
    targetPort: number | ((connection: number) => number),
    { host = "127.0.0.1", tls, faults = {} }: ProxyOptions = {},
  ): Promise<TcpProxy> {
    const server =
      tls === undefined
        ? createServer({ noDelay: true })
        : createTlsServer({ requestCert: true, rejectUnauthorized: true, ...tls });
    server.listen(0, host);
    await once(server, "listening");
    return new TcpProxy(server, typeof targetPort === "number" ? () => targetPort : targetPort, faults);
  }

  get url(): string {
    return `opc.tcp://${isIPv6(this.host) ? `[${this.host}]` : this.host}:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size;
  }

  /** Ends all faults and passes what was held. */
  mend(): void {
    Object.assign(this.faults, noFaults);
    for (const connection of this.#open) connection.passAll();
  }

  /** Ends every connection on both sides. */
  cut(by: NetworkFaults["cutBy"] = "end"): void {
    for (const connection of this.#open) connection.end(by);
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket, targetPort: (connection: number) => number): void {
    const number = this.connections++;
    if (this.faults.refuseAll) {
      client.on("error", () => undefined).destroy();
      return;
    }
    const server = connect({ port: targetPort(number), host: "127.0.0.1", noDelay: true });
    const connection = new ProxiedConnection(number, client, server, this.faults);
    this.#open.add(connection);
    connection.onBytes = (direction, bytes) => this.onBytes(direction, bytes, connection);
    connection.onCut = () => this.cuts++;
    connection.onEnd = () => this.#open.delete(connection);
  }
}

/** Bytes on their way. `dueMs` is monotonic. */
interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

export class ProxiedConnection {
  /** 0 for the first one of the proxy. */
  readonly number: number;
  readonly client: Socket;
  readonly #ends: Readonly<Record<Direction, Socket>>;
  readonly #faults: NetworkFaults;
  readonly #onTheWay: Record<Direction, Piece[]> = { "to client": [], "to server": [] };
  readonly #timers = new Map<Direction, NodeJS.Timeout>();
  /** To the client, since they are counted. */
  #passedBytes = 0;
  onBytes: (direction: Direction, bytes: Buffer) => void = () => {};
  onCut: () => void = () => {};
  onEnd: () => void = () => {};

  constructor(number: number, client: Socket, server: Socket, faults: NetworkFaults) {
    this.number = number;
    this.client = client;
    this.#ends = { "to client": client, "to server": server };
    this.#faults = faults;
    for (const [from, direction] of [
      [client, "to server"],
      [server, "to client"],
    ] as const) {
      from.on("error", () => undefined);
      from.on("data", (bytes) => this.#arrived(direction, bytes));
      from.on("close", () => {
        this.#forget();
        this.#ends[direction].destroySoon(); // after what was written to it
      });
    }
  }

  end(by: NetworkFaults["cutBy"]): void {
    this.#forget();
    for (const socket of Object.values(this.#ends)) {
      if (by === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  passAll(): void {
    this.#pass("to client");
    this.#pass("to server");
  }

  #forget(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const pieces of Object.values(this.#onTheWay)) pieces.length = 0;
    this.onEnd();
  }

  #arrived(direction: Direction, bytes: Buffer): void {
    this.onBytes(direction, bytes);
    if (this.#faults.drop.has(direction)) return;
    const { spoil } = this.#faults;
    const sent = spoil === undefined ? bytes : spoil(direction, bytes, this);
    if (sent === undefined) return;
    this.#onTheWay[direction].push({ bytes: sent, dueMs: performance.now() + this.#faults.delayMs });
    this.#pass(direction);
  }

  /** Whatever is due; nothing overtakes what came before it. */
  #pass(direction: Direction): void {
    clearTimeout(this.#timers.get(direction));
    const pieces = this.#onTheWay[direction];
    for (let piece = pieces[0]; piece !== undefined && !this.#faults.hold; piece = pieces[0]) {
      const waitMs = piece.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timers.set(
          direction,
          setTimeout(() => this.#pass(direction), waitMs),
        );
        return;
      }
      pieces.shift();
      this.#deliver(direction, piece.bytes);
    }
  }

  #deliver(direction: Direction, bytes: Buffer): void {
    const to = this.#ends[direction];
    const { cutAfterBytes, sliceBytes, cutBy } = this.#faults;
    const isCounted = direction === "to client" && cutAfterBytes !== undefined;
    if (direction === "to client" && !isCounted) this.#passedBytes = 0;
    const allowed = isCounted ? bytes.subarray(0, Math.max(0, cutAfterBytes - this.#passedBytes)) : bytes;
    if (isCounted) this.#passedBytes += allowed.length;
    const step = sliceBytes ?? Math.max(1, allowed.length);
    for (let start = 0; start < allowed.length; start += step) to.write(allowed.subarray(start, start + step));
    if (allowed.length < bytes.length) {
      this.onCut();
      to.write("", () => this.end(cutBy));
    }
  }
}
