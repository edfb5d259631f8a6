// A consumer of a stream, with the library of NATS: what has arrived, in order.

import { JetStreamError, jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { connect, errors } from "@nats-io/transport-node";

export interface Arrived {
  readonly sequence: number;
  readonly subject: string;
  readonly json: unknown;
  /** When the stream stored it. */
  readonly storedMs: number;
  /** Without an id: it tells what is so now, and no change. */
  readonly isCurrentValue: boolean;
}

export class StreamReader {
  readonly manager: JetStreamManager;
  readonly #stream: string;
  #last = 0;

  private constructor(manager: JetStreamManager, stream: string) {
    this.manager = manager;
    this.#stream = stream;
  }

  static async open(t: { after(end: () => Promise<void>): void }, port: number, stream = "CPC"): Promise<StreamReader> {
    const connection = await connect({
      servers: `127.0.0.1:${port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      waitOnFirstConnect: true,
    });
    t.after(async () => await connection.close());
    return new StreamReader(await jetstreamManager(connection, { checkAPI: false }), stream);
  }

  async exists(): Promise<boolean> {
    try {
      return (await this.manager.streams.info(this.#stream)).config.name === this.#stream;
    } catch {
      return false;
    }
  }

  /** What came since the last call; while the server is away, less or nothing. */
  async next(): Promise<readonly Arrived[]> {
    const arrived: Arrived[] = [];
    try {
      await this.#collect(arrived);
    } catch (error) {
      if (!(
        error instanceof errors.TimeoutError ||
        error instanceof errors.RequestError ||
        error instanceof JetStreamError
      ))
        throw error;
    }
    return arrived;
  }

  async #collect(arrived: Arrived[]): Promise<void> {
    const { direct } = this.manager;
    const { last_seq: end } = (await this.manager.streams.info(this.#stream)).state;
    while (this.#last < end) {
      const batch = await direct.getBatch(this.#stream, { seq: this.#last + 1, batch: 1000 });
      for await (const message of batch) {
        const { seq, subject, time, header } = message;
        const isCurrentValue = header.get("Nats-Msg-Id") === "";
        arrived.push({ sequence: seq, subject, json: message.json(), storedMs: time.getTime(), isCurrentValue });
        this.#last = seq;
      }
    }
  }
}
