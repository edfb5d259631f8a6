// One MQTT 3.1.1 connection (nats-server knows no other version). Only this file knows the library.
//
// QoS 0 is lost silently when a connection dies, and it is what Sparkplug prescribes for data. A broker answers in order: the PINGRESP to a
// PINGREQ that was sent behind messages proves that it took all of them (`barrier`). Pings that keep the connection alive are counted, too,
// so that no answer is taken for another.

import { isIP, Socket } from "node:net";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { BrokerAccessError, type BrokerSettings } from "../configuration/broker-settings.ts";
import { OutputError } from "./output.ts";

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export interface MqttOptions {
  readonly broker: BrokerSettings;
  readonly clientId: string;
  readonly keepAliveMs: number;
  /** Without an answer for so long the connection is over. */
  readonly timeoutMs: number;
  readonly will: Will | undefined;
}

export type MessageListener = (topic: string, payload: Buffer) => void;

/** CONNACK return codes that only a person can mend (MQTT 3.1.1, 3.2.2.3). */
const refusals: ReadonlyMap<unknown, string> = new Map([
  [1, "it does not speak MQTT 3.1.1"],
  [2, "it refuses the client id"],
  [4, "it refuses the user name or the password"],
  [5, "it does not permit this user or certificate"],
]);

interface Barrier {
  /** Number of the ping whose answer it waits for. */
  readonly ping: number;
  readonly resolve: () => void;
  readonly reject: (error: OutputError) => void;
}

export class MqttConnection {
  readonly ended: Promise<OutputError>;
  readonly #client: MqttClient;
  readonly #address: string;
  readonly #timeoutMs: number;
  readonly #over = Promise.withResolvers<OutputError>();
  readonly #barriers: Barrier[] = [];
  #error: OutputError | undefined;
  #pingsSent = 0;
  #pingsAnswered = 0;

  private constructor(client: MqttClient, address: string, timeoutMs: number) {
    this.#client = client;
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.ended = this.#over.promise;
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#pingsSent++;
    });
    client.on("packetreceive", ({ cmd }) => {
      if (cmd === "pingresp") this.#answered();
    });
    client.on("error", (error) => this.#fail(errorOf(error, address)));
    client.on("close", () => this.#fail(new OutputError("Lost", `the broker ${address} closed the connection`)));
  }

  /** Rejects with an OutputError. */
  static async open(
    { broker, clientId, keepAliveMs, timeoutMs, will }: MqttOptions,
    signal: AbortSignal,
  ): Promise<MqttConnection> {
    const address = broker.text;
    const options = optionsOf(broker, {
      clientId,
      keepalive: Math.max(1, Math.round(keepAliveMs / 1000)),
      // Our own time-out comes first and says more.
      connectTimeout: 2 * timeoutMs,
      ...(will === undefined ? {} : { will }),
    });
    const client = clientOf(options, address);
    const connection = new MqttConnection(client, address, timeoutMs);
    const opened = new Promise<"opened">((resolve) => {
      client.once("connect", () => resolve("opened"));
    });
    const stop = (): void => connection.#fail(new OutputError("Ended", "the bridge is stopping"));
    signal.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(() => {
      connection.#fail(
        new OutputError(
          "Unreachable",
          `cannot connect to ${address} because it did not answer in ${timeoutMs / 1000} s; is it an MQTT broker?`,
        ),
      );
    }, timeoutMs);
    const outcome = await Promise.race([opened, connection.ended]);
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    if (outcome !== "opened") throw outcome;
    // A ping that waits for the acknowledgement of what was sent before it would cost 40 ms each time.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    return connection;
  }

  /** Handed to the socket in the order of the calls; `barrier` tells when it was taken. */
  publish(topic: string, payload: Buffer, retain = false): void {
    if (this.#error === undefined) this.#client.publish(topic, payload, { qos: 0, retain });
  }

  /** Resolves when the broker has taken everything that was published before. Rejects with an OutputError. */
  async barrier(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    this.#client.sendPing();
    const ping = this.#pingsSent;
    const timer = setTimeout(
      () =>
        this.#fail(
          new OutputError("Timeout", `the broker ${this.#address} did not answer in ${this.#timeoutMs / 1000} s`),
        ),
      this.#timeoutMs,
    );
    try {
      await new Promise<void>((resolve, reject) => this.#barriers.push({ ping, resolve, reject }));
    } finally {
      clearTimeout(timer);
    }
  }

  /** QoS 1. Rejects with an OutputError when the broker refuses. */
  async subscribe(topics: readonly string[], listener: MessageListener): Promise<void> {
    this.#client.on("message", listener);
    const granted = await Promise.race([
      this.#client
        .subscribeAsync([...topics], { qos: 1 })
        .catch((error: unknown) => this.#error ?? errorOf(error, this.#address)),
      this.ended,
    ]);
    if (granted instanceof OutputError) throw granted;
    const refused = granted.find(({ qos }) => (qos as number) >= 128);
    if (refused === undefined) return;
    throw new OutputError(
      "Refused",
      `the broker ${this.#address} refused the subscription to ${refused.topic}; permit it, or use --no-commands`,
    );
  }

  /** DISCONNECT: the broker drops the will. Never rejects. */
  async end(): Promise<void> {
    this.#settle(new OutputError("Ended", "the connection was ended by the bridge"));
    const closed = this.#client.endAsync().catch(() => {});
    const timeout = setTimeout(() => this.#client.end(true), this.#timeoutMs);
    await closed;
    clearTimeout(timeout);
  }

  #answered(): void {
    this.#pingsAnswered++;
    while (this.#barriers[0] !== undefined && this.#barriers[0].ping <= this.#pingsAnswered)
      this.#barriers.shift()?.resolve();
  }

  #fail(error: OutputError): void {
    this.#settle(error);
    this.#client.end(true);
    // Before the broker's first answer the library leaves the socket open.
    this.#client.stream?.destroy();
  }

  #settle(error: OutputError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#over.resolve(error);
    for (const { reject } of this.#barriers.splice(0)) reject(error);
  }
}

/** A key and a certificate that do not belong together, in the middle of a change of both for example, are refused before anything is sent. */
function clientOf(options: IClientOptions, address: string): MqttClient {
  try {
    return connect(options);
  } catch (error) {
    const message = `cannot connect to ${address} because its TLS files cannot be used: ${(error as Error).message}`;
    throw new OutputError("Certificate", message, { cause: error });
  }
}

function optionsOf(broker: BrokerSettings, options: IClientOptions): IClientOptions {
  const { host, port, isTls } = broker.address;
  const { user, password, tls } = accessOf(broker);
  return {
    ...options,
    host,
    port,
    protocol: isTls ? "mqtts" : "mqtt",
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined
      ? {}
      : {
          rejectUnauthorized: true,
          // An address has no place in the handshake; the certificate is compared with it all the same.
          ...(isIP(tls.serverName) === 0 ? { servername: tls.serverName } : {}),
          ...(tls.authorities === undefined ? {} : { ca: tls.authorities }),
          ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
          ...(tls.key === undefined ? {} : { key: tls.key }),
        }),
  };
}

function accessOf(broker: BrokerSettings) {
  try {
    return broker.access();
  } catch (error) {
    if (!(error instanceof BrokerAccessError)) throw error;
    throw new OutputError("Refused", error.message, { cause: error });
  }
}

const certificateCodes = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_|EPROTO)/;

function errorOf(error: unknown, address: string): OutputError {
  const { message, code } = error as Partial<Error> & { readonly code?: unknown };
  const refusal = refusals.get(code);
  const options = { cause: error };
  if (refusal !== undefined)
    return new OutputError(
      "Refused",
      `cannot connect to ${address} because ${refusal}; look at the broker's log and at the settings user, password and tls`,
      options,
    );
  if (typeof code === "string" && certificateCodes.test(code))
    return new OutputError(
      "Certificate",
      `cannot connect to ${address} because TLS failed: ${message} (${code}); look at tls.ca, tls.certificate and the name in the broker's certificate`,
      options,
    );
  return new OutputError("Unreachable", `cannot connect to ${address} because ${reasonOf(code, message)}`, options);
}

function reasonOf(code: unknown, message: string | undefined): string {
  switch (code) {
    case "ECONNREFUSED":
      return "nothing listens there (ECONNREFUSED); is the broker running?";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name cannot be resolved (${code}); look at DNS and at the address`;
    default:
      return message === undefined || message === "" ? String(code) : message;
  }
}
