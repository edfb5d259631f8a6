// One connection of the output `jetstream`.

import { elementOf, serverElementOf } from "../../names.ts";
import type { Log } from "@cpc-partition/process/log";
import type { PointChange, ServerBirth } from "../../observation/observed-change.ts";
import { changeJson, markBytes, mostMarkBytes } from "../change-json.ts";
import { MessageLimit } from "../message-limit.ts";
import type { Batch, DeliveryFigures, OutputError, Session } from "../output.ts";
import type { Message, NatsConnection } from "./nats-connection.ts";

export interface SubjectLayout {
  readonly root: string;
  /** What a message holds: one change, or the changes of one server in a batch. */
  readonly layout: "point" | "server";
}

/** Batches of all sizes are divided here, so that a repeat of a batch has the same messages as the batch. */
const mostPerMessage = 1000;
/** For the headers and the brackets. */
const frameBytes = 1024;

export class JetStreamSession implements Session {
  readonly ended: Promise<OutputError>;
  readonly #connection: NatsConnection;
  readonly #layout: SubjectLayout;
  /** Subjects of points end with this; made once for each point. */
  readonly #subjects = new WeakMap<object, string>();

  readonly #limit: MessageLimit;

  constructor(connection: NatsConnection, layout: SubjectLayout, log: Log) {
    this.#connection = connection;
    this.#layout = layout;
    const mostBytes = connection.mostMessageBytes - frameBytes - mostMarkBytes;
    this.#limit = new MessageLimit(mostBytes, "set a larger max_payload of the server", log);
    this.ended = connection.ended;
  }

  async publishBirths(births: readonly ServerBirth[]): Promise<void> {
    await this.#connection.store(this.#births(births));
  }

  async publish(batch: Batch): Promise<void> {
    await this.#connection.store(this.#layout.layout === "point" ? this.#ofPoints(batch) : this.#ofServers(batch));
  }

  async publishFigures(figures: DeliveryFigures): Promise<void> {
    await this.#connection.store([this.#ofBridge({ online: true, ...figures })]);
  }

  async end(): Promise<void> {
    await this.#connection.store([this.#ofBridge({ online: false })]).catch(() => {});
    await this.#connection.end();
  }

  /** Current values have no id: the stream may have dropped the change that brought them. */
  *#births(births: readonly ServerBirth[]): Generator<Message> {
    yield this.#ofBridge({ online: true });
    for (const birth of births) {
      const { isConnected, values } = birth;
      const payload = JSON.stringify({ connected: isConnected });
      yield { subject: `${this.#layout.root}.servers.${serverElementOf(birth)}`, payload };
      if (!isConnected) continue;
      const batch: Batch = { kind: "live", isRepeat: false, changes: values };
      for (const { subject, payload: value } of this.#layout.layout === "point"
        ? this.#ofPoints(batch)
        : this.#ofServers(batch))
        yield { subject, payload: value };
    }
  }

  *#ofPoints({ kind, isRepeat, changes }: Batch): Generator<Message> {
    for (const change of changes)
      yield {
        subject: `${this.#layout.root}.${kind}.${this.#elementsOf(change)}`,
        payload: this.#limit.textOf(change, (one) => changeJson(one, kind, isRepeat)),
        id: this.#idOf(change),
      };
  }

  *#ofServers({ kind, isRepeat, changes }: Batch): Generator<Message> {
    for (let begin = 0; begin < changes.length; begin += mostPerMessage) {
      const part = changes.slice(begin, begin + mostPerMessage);
      for (const [server, own] of Map.groupBy(part, ({ point }) => serverElementOf(point))) {
        const subject = `${this.#layout.root}.${kind}.${server}`;
        const entries = own.map((change) => {
          const text = this.#limit.textOf(change, (one) => changeJson(one, kind, isRepeat, true));
          // As if it were a repeat, which has other marks: it shall have the same messages.
          return { change, text, bytes: Buffer.byteLength(text) - markBytes(kind, isRepeat) + mostMarkBytes + 1 };
        });
        for (const message of this.#limit.parts(entries, ({ bytes }) => bytes)) {
          const [{ change: first }] = message as [Entry];
          const { change: last } = message.at(-1) as Entry;
          const payload = `[${message.map(({ text }) => text).join(",")}]`;
          yield { subject, payload, id: `${this.#idOf(first)}-${last.position}-${message.length}` };
        }
      }
    }
  }

  #elementsOf({ point }: PointChange): string {
    let elements = this.#subjects.get(point);
    if (elements === undefined) {
      elements = `${serverElementOf(point)}.${elementOf(point.key)}`;
      this.#subjects.set(point, elements);
    }
    return elements;
  }

  #ofBridge(payload: object): Message {
    return { subject: `${this.#layout.root}.bridge`, payload: JSON.stringify(payload) };
  }

  /**
   * Names a change for ever: a repeat has the same, live or from the queue. The run is the start of a service to the nanosecond; the root tells
   * gateways apart that share a stream.
   */
  #idOf({ point: { service }, run, position }: PointChange): string {
    return `${this.#layout.root}-${service}-${run}-${position}`;
  }
}

interface Entry {
  readonly change: PointChange;
  readonly text: string;
  readonly bytes: number;
}
