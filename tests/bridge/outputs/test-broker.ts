// An MQTT broker in this process, which remembers what it was given and can be made to fail.

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Aedes, type AuthenticateHandler } from "aedes";

export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: number;
}

export interface TestBrokerOptions {
  readonly tls?: TlsOptions;
  readonly authenticate?: AuthenticateHandler;
}

export class TestBroker {
  readonly messages: Message[] = [];
  /** Topics that clients subscribed to. */
  readonly subscriptions: string[] = [];
  /** Since the beginning. */
  connections = 0;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(aedes: Aedes, server: Server) {
    this.#aedes = aedes;
    this.#server = server;
    aedes.on("publish", ({ topic, payload, retain, qos }, client) => {
      // A will has no client any more; the broker's own messages begin with $SYS.
      if (!topic.startsWith("$SYS") && (client !== null || topic.includes("DEATH") || topic.endsWith("/bridge")))
        this.messages.push({ topic, payload: Buffer.from(payload), retain, qos });
    });
    aedes.on("subscribe", (subscriptions) => this.subscriptions.push(...subscriptions.map(({ topic }) => topic)));
    aedes.on("clientReady", () => this.connections++);
    server.on("connection", (socket: Socket) => this.#sockets.add(socket));
  }

  static async start(t: TestContext, { tls, authenticate }: TestBrokerOptions = {}): Promise<TestBroker> {
    const aedes = await Aedes.createBroker(authenticate === undefined ? {} : { authenticate });
    const server = tls === undefined ? createServer(aedes.handle) : createTlsServer(tls, aedes.handle);
    const broker = new TestBroker(aedes, server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => broker.#close());
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  topics(): readonly string[] {
    return this.messages.map(({ topic }) => topic);
  }

  /** As another client would. */
  async publish(topic: string, payload: Buffer | string, retain = false): Promise<void> {
    const packet = { cmd: "publish", topic, payload, retain, qos: 1, dup: false } as const;
    await new Promise<void>((resolve, reject) => {
      this.#aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Ends all connections as a crash would. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  /** Answers nothing any more, as a host whose cable was cut. */
  freeze(): void {
    for (const socket of this.#sockets) socket.write = () => true;
  }

  async #close(): Promise<void> {
    this.cut();
    this.#server.close();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
  }
}
