// A line between a client and a server that can be bad in every way in which lines are: slow, dead, cut, sliced, reset.
//
// It changes no byte, it only decides when and whether bytes go on. What it does may be changed at any time, for bytes that come later.

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
  /** This many bytes to the client are still let through, then the connection is ended: by FIN, or by RST. */
  cutAfterBytes: number | undefined;
  cutBy: "end" | "reset";
  /** New connections are accepted and closed at once. */
  refuseAll: boolean;
}

const noFaults: Readonly<LineFaults> = {
  delayMs: 0,
  drop: new Set(),
  hold: false,
  sliceBytes: undefined,
  cutAfterBytes: undefined,
  cutBy: "end",
  refuseAll: false,
};

export class TcpProxy {
  readonly port: number;
  /** Changed by the test, at any time. */
  readonly faults: LineFaults = { ...noFaults };
  /** Connections so far. */
  connections = 0;
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
    for (const line of this.#lines) line.release();
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

class Line {
  readonly #ends: Readonly<Record<Direction, Socket>>;
  readonly #faults: LineFaults;
  #held: (() => void)[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #passedBytes = 0;
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
    for (const timer of this.#timers) clearTimeout(timer);
    this.#held = [];
    for (const socket of Object.values(this.#ends)) {
      if (by === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
    this.onEnd();
  }

  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const deliver of held) deliver();
  }

  #arrived(direction: Direction, bytes: Buffer): void {
    if (this.#faults.drop.has(direction)) return;
    const deliver = (): void => this.#deliver(direction, bytes);
    const { delayMs } = this.#faults;
    if (this.#faults.hold || this.#held.length > 0) this.#held.push(deliver);
    else if (delayMs === 0 && this.#timers.size === 0) deliver();
    else {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        deliver();
      }, delayMs);
      this.#timers.add(timer);
    }
  }

  #deliver(direction: Direction, bytes: Buffer): void {
    const to = this.#ends[direction];
    const { cutAfterBytes, sliceBytes, cutBy } = this.#faults;
    const isCut = direction === "to client" && cutAfterBytes !== undefined;
    const allowed = isCut ? bytes.subarray(0, Math.max(0, cutAfterBytes - this.#passedBytes)) : bytes;
    if (direction === "to client") this.#passedBytes += allowed.length;
    const step = sliceBytes ?? Math.max(1, allowed.length);
    for (let start = 0; start < allowed.length; start += step) to.write(allowed.subarray(start, start + step));
    if (isCut && allowed.length < bytes.length) to.write("", () => this.end(cutBy));
  }
}
