// One connection to a NATS server.
//
// Each message asks for the stream's acknowledgement, which comes when the message is stored (in a cluster: by most of its servers). All messages
// of one call share one reply subject, so acknowledgements are counted; a window bounds how many are outstanding.
//
// The library reconnects to nothing by itself, and follows no addresses that a server announces.

import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { connect, credsAuthenticator, headers } from "@nats-io/transport-node";
import type { ConnectionOptions, Msg, NatsConnection as Connection } from "@nats-io/transport-node";
import { addressText, type BrokerAccess, type BrokerAddress } from "../../configuration/broker-settings.ts";
import { OutputError } from "../output.ts";
import { connectTrouble, isOfPermission, lossTrouble, reasonOf, refusedMessage } from "./nats-trouble.ts";
import { provideStream, type WantedStream } from "./stream.ts";

export interface NatsOptions extends BrokerAddress {
  readonly clientName: string;
  /** Whose acknowledgements count. */
  readonly stream: string;
  readonly access: BrokerAccess;
  readonly keepAliveMs: number;
  /** Without an acknowledgement for so long the connection is over. */
  readonly timeoutMs: number;
}

export interface Message {
  readonly subject: string;
  readonly payload: string;
  /** The stream drops a message whose id it saw within its duplicate window. */
  readonly id?: string;
}

/** More would only wait in the server, which refuses when too much does. */
const mostOutstanding = 4000;
/** What a server permits that says nothing. */
const leastOfServers = 64 * 1024;
/** Of a stream's refusal. */
const beginOfRefusal = Buffer.from('{"error":');

/** The status of the server's own answer: nobody listens to the subject. */
const noResponders = 503;

/** Of one call of `store`. */
interface Outstanding {
  count: number;
  isHandedOver: boolean;
  readonly done: PromiseWithResolvers<void>;
}

export class NatsConnection {
  readonly ended: Promise<OutputError>;
  readonly #connection: Connection;
  readonly #address: string;
  readonly #timeoutMs: number;
  readonly #inbox: string;
  readonly #stream: string;
  /** Of the stream's acknowledgement. */
  readonly #beginOfStored: Buffer;
  readonly #over = Promise.withResolvers<OutputError>();
  readonly #calls = new Map<string, Outstanding>();
  /** Calls that wait for room in the window. */
  readonly #waiting: (() => void)[] = [];
  readonly #watchdog: NodeJS.Timeout;
  /** The header of the message that is being published, as bytes: checking and joining it costs the library as much as the message. */
  #header = Buffer.alloc(0);
  readonly #named = Object.assign(headers(), { encode: () => this.#header });
  #error: OutputError | undefined;
  #callsMade = 0;
  #outstanding = 0;
  #otherAnswers = 0;
  #answeredMs = performance.now();

  private constructor(connection: Connection, inbox: string, options: NatsOptions) {
    this.#connection = connection;
    const { timeoutMs, stream } = options;
    this.#stream = stream;
    this.#beginOfStored = Buffer.from(`{"stream":${JSON.stringify(stream)}`);
    this.#address = addressText(options);
    this.#timeoutMs = timeoutMs;
    this.#inbox = inbox;
    this.ended = this.#over.promise;
    connection.subscribe(`${inbox}.*`, { callback: (_error, message) => this.#answered(message) });
    this.#watchdog = setInterval(() => this.#lookAtTime(), Math.max(10, timeoutMs / 4));
    void this.#watchStatus();
    void this.#watchEnd();
  }

  /** Rejects with an OutputError. */
  static async open(options: NatsOptions): Promise<NatsConnection> {
    const inboxPrefix = `_INBOX.${crypto.randomUUID().replaceAll("-", "")}`;
    try {
      const connection = await connect({ ...libraryOptions(options), inboxPrefix });
      return new NatsConnection(connection, `${inboxPrefix}.stored`, options);
    } catch (error) {
      throw connectTrouble(error, addressText(options));
    }
  }

  /** Of a message with its headers, as the server says. */
  get mostMessageBytes(): number {
    return this.#connection.info?.max_payload ?? leastOfServers;
  }

  /** Says what could not be found out. Rejects with an OutputError. */
  async provideStream(wanted: WantedStream): Promise<string | undefined> {
    try {
      return await provideStream(this.#connection, this.#address, wanted, this.#timeoutMs);
    } catch (error) {
      throw this.#error ?? error;
    }
  }

  /** Resolves when the stream has stored all of them. Rejects with an OutputError; then the connection is over. */
  async store(messages: Iterable<Message>): Promise<void> {
    const reply = `${this.#inbox}.${this.#callsMade++}`;
    const call: Outstanding = { count: 0, isHandedOver: false, done: Promise.withResolvers() };
    this.#calls.set(reply, call);
    // It may fail while messages are still being handed over.
    call.done.promise.catch(() => {});
    for (const message of messages) {
      while (this.#outstanding >= mostOutstanding && this.#error === undefined) await this.#room();
      if (this.#error !== undefined) throw this.#error;
      this.#publish(message, reply);
      call.count++;
    }
    call.isHandedOver = true;
    if (call.count === 0) call.done.resolve();
    await call.done.promise;
    this.#calls.delete(reply);
  }

  /** Never rejects. */
  async end(): Promise<void> {
    this.#settle(new OutputError("Ended", "the connection was ended by the bridge"));
    await this.#close();
  }

  #publish({ subject, payload, id }: Message, reply: string): void {
    if (this.#outstanding === 0) this.#answeredMs = performance.now();
    this.#outstanding++;
    // From Node's pool: the library would make a buffer of its own for each text.
    const bytes = Buffer.from(payload);
    try {
      if (id === undefined) {
        this.#connection.publish(subject, bytes, { reply });
        return;
      }
      this.#header = Buffer.from(`NATS/1.0\r\nNats-Msg-Id: ${id}\r\n\r\n`);
      this.#connection.publish(subject, bytes, { reply, headers: this.#named });
    } catch (error) {
      this.#fail(new OutputError("Protocol", `cannot publish ${subject} because ${reasonOf(error)}`, { cause: error }));
    }
  }

  #answered({ subject, data, headers: answerHeaders }: Msg): void {
    if (begins(data, beginOfRefusal)) {
      const refusal = Buffer.from(data).toString();
      if (isRefusalOf(this.#stream, refusal)) return this.#fail(refusedMessage(refusal, this.#address));
    }
    if (data.length === 0 && answerHeaders?.code === noResponders) {
      const message = `no stream on ${this.#address} takes the messages at present; is its leader down?`;
      return this.#fail(new OutputError("Lost", message));
    }
    // Whoever listens to the subject may answer, too: a program that stores nothing, or another stream, of a hub for example. It proves nothing.
    if (!begins(data, this.#beginOfStored)) {
      this.#otherAnswers++;
      return;
    }
    this.#answeredMs = performance.now();
    // Nothing that belongs to a call of this connection is ever answered twice.
    this.#outstanding--;
    this.#wake();
    const call = this.#calls.get(subject);
    if (call !== undefined && --call.count === 0 && call.isHandedOver) call.done.resolve();
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    if (this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #lookAtTime(): void {
    if (this.#outstanding === 0 || performance.now() - this.#answeredMs < this.#timeoutMs) return;
    const others =
      this.#otherAnswers === 0
        ? ""
        : `; ${this.#otherAnswers} answers came from others than the stream ${this.#stream}`;
    const message = `the server ${this.#address} acknowledged nothing for ${this.#timeoutMs / 1000} s${others}`;
    this.#fail(new OutputError("Timeout", message));
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== "error" || !isOfPermission(status.error) || this.#calls.size === 0) continue;
      this.#fail(
        new OutputError(
          "Refused",
          `the server ${this.#address} does not permit this user to publish: ${status.error.message}; permit it there`,
        ),
      );
    }
  }

  async #watchEnd(): Promise<void> {
    const error = await this.#connection.closed();
    this.#settle(lossTrouble(error ?? undefined, this.#address));
  }

  #fail(error: OutputError): void {
    this.#settle(error);
    void this.#close();
  }

  async #close(): Promise<void> {
    await this.#connection.close().catch(() => {});
  }

  #settle(error: OutputError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    clearInterval(this.#watchdog);
    this.#over.resolve(error);
    for (const { done } of this.#calls.values()) done.reject(error);
    this.#wake();
  }
}

function begins(data: Uint8Array, wanted: Buffer): boolean {
  return data.length >= wanted.length && wanted.compare(data, 0, wanted.length) === 0;
}

/** One that does not say whose it is counts. */
function isRefusalOf(stream: string, text: string): boolean {
  try {
    const { stream: refusing = stream } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return refusing === stream;
  } catch {
    return false;
  }
}

function libraryOptions(options: NatsOptions): ConnectionOptions {
  const { clientName, access, keepAliveMs, timeoutMs } = options;
  const { user, password, credentials, tls } = access;
  return {
    servers: addressText(options),
    name: clientName,
    reconnect: false,
    ignoreClusterUpdates: true,
    timeout: timeoutMs,
    pingInterval: keepAliveMs,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(credentials) }),
    tls: tls === undefined ? null : tlsOptions(tls),
  };
}

/** Given to node:tls as they are. The name is compared here, since that of an address is never sent. */
function tlsOptions({ authorities, certificate, key, serverName }: NonNullable<BrokerAccess["tls"]>): object {
  return {
    rejectUnauthorized: true,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_host: string, presented: PeerCertificate) => checkServerIdentity(serverName, presented),
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}
