// A line between a client and a server that can be bad in every way in which lines are: slow, dead, cut, sliced, reset.
//
// It decides when and whether bytes go on, and changes none unless the test does. What it does may be changed at any time, for bytes
// that come later.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export type Direction = "to server" | "to client";

export interface LineFaults {
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
  /** Other bytes in their place. */
  spoil: ((direction: Direction, bytes: Buffer) => Buffer) | undefined;
}

const noFaults: Readonly<LineFaults> = {
  delayMs: 0,
  drop: new Set(),
  hold: false,
  sliceBytes: undefined,
  cutAfterBytes: undefined,
  cutBy: "end",
  refuseAll: false,
  spoil: undefined,
};

export class TcpProxy {
  readonly port: number;
  /** Changed by the test, at any time. */
  readonly faults: LineFaults = { ...noFaults };
  /** Connections so far. */
  connections = 0;
  /** Those that `cutAfterBytes` ended. */
  cuts = 0;
  /** Sees bytes as they arrive, and may change the faults that they will suffer. */
  onBytes: (direction: Direction, bytes: Buffer) => void = () => {};
  readonly #server: Server;
  readonly #lines = new Set<Line>();

  private constructor(server: Server, targetPort: () => number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => {
      this.connections++;
      if (this.faults.refuseAll) {
        client.on("error", () => undefined).destroy();
        return;
      }
      const line = new Line(client, connect({ port: targetPort(), host: "127.0.0.1", noDelay: true }), this.faults);
      this.#lines.add(line);
      line.onBytes = (direction, bytes) => this.onBytes(direction, bytes);
      line.onCut = () => this.cuts++;
      line.onEnd = () => this.#lines.delete(line);
    });
  }

  /** `targetPort` is asked for each connection: a server may come back at another port. */
  static async start(targetPort: number | (() => number)): Promise<TcpProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, typeof targetPort === "number" ? () => targetPort : targetPort);
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#lines.size;
  }

  /** Whatever was wrong with the line is over, and what was held goes on. */
  mend(): void {
    Object.assign(this.faults, noFaults);
    for (const line of this.#lines) line.goOn();
  }

  /** Ends every connection on both sides. */
  cut(by: LineFaults["cutBy"] = "end"): void {
    for (const line of this.#lines) line.end(by);
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Bytes on their way. `dueMs` is monotonic. */
interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

class Line {
  readonly #ends: Readonly<Record<Direction, Socket>>;
  readonly #faults: LineFaults;
  readonly #onTheWay: Record<Direction, Piece[]> = { "to client": [], "to server": [] };
  readonly #timers = new Map<Direction, NodeJS.Timeout>();
  /** To the client, since they are counted. */
  #passedBytes = 0;
  onBytes: (direction: Direction, bytes: Buffer) => void = () => {};
  onCut: () => void = () => {};
  onEnd: () => void = () => {};

  constructor(client: Socket, server: Socket, faults: LineFaults) {
    this.#ends = { "to client": client, "to server": server };
    this.#faults = faults;
    for (const [from, direction] of [
      [client, "to server"],
      [server, "to client"],
    ] as const) {
      from.on("error", () => undefined);
      from.on("data", (bytes) => this.#arrived(direction, bytes));
      from.on("close", () => this.end("end"));
    }
  }

  end(by: LineFaults["cutBy"]): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const [direction, socket] of Object.entries(this.#ends)) {
      this.#onTheWay[direction as Direction] = [];
      if (by === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
    this.onEnd();
  }

  goOn(): void {
    this.#pass("to client");
    this.#pass("to server");
  }

  #arrived(direction: Direction, bytes: Buffer): void {
    this.onBytes(direction, bytes);
    if (this.#faults.drop.has(direction)) return;
    const sent = this.#faults.spoil?.(direction, bytes) ?? bytes;
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
