// One connection of the output `mqtt`.

import type { Log } from "@cpc-partition/process/log";
import type { PointChange, ServerBirth } from "../../observation/observed-change.ts";
import { elementOf, serverElementOf } from "../../names.ts";
import type { MqttConnection } from "../mqtt-connection.ts";
import type { Batch, DeliveryFigures, OutputError, Session } from "../output.ts";
import { changeJson } from "../change-json.ts";
import { MessageLimit } from "../message-limit.ts";

export interface MqttLayout {
  readonly base: string;
  readonly layout: "point" | "server";
  readonly retains: boolean;
  readonly mostMessageBytes: number;
}

/** For the topic and the brackets. */
const frameBytes = 1024;

export class MqttSession implements Session {
  readonly ended: Promise<OutputError>;
  readonly #connection: MqttConnection;
  readonly #layout: MqttLayout;
  /** Alias of each, by element. */
  #servers = new Map<string, string>();

  readonly #limit: MessageLimit;

  constructor(connection: MqttConnection, layout: MqttLayout, log: Log) {
    const remedy = "set maxMessage as large as the broker takes";
    this.#limit = new MessageLimit(layout.mostMessageBytes - frameBytes, remedy, log);
    this.#connection = connection;
    this.#layout = layout;
    this.ended = connection.ended;
  }

  async publishBirths(births: readonly ServerBirth[], scope: "all" | "changed"): Promise<void> {
    const present = new Map(births.map((birth) => [serverElementOf(birth), birth.server]));
    if (scope === "all") {
      for (const [element, server] of this.#servers)
        if (!present.has(element)) this.#tellServer(element, { server, connected: false, removed: true });
      this.#servers = present;
      this.#retain("bridge", { online: true });
    }
    for (const birth of births) {
      const { server, isConnected, values } = birth;
      const element = serverElementOf(birth);
      this.#tellServer(element, { server, connected: isConnected });
      if (isConnected) this.#send("live", element, values, false);
    }
    await this.#connection.barrier();
  }

  async publish({ kind, changes, isRepeat }: Batch): Promise<void> {
    for (const [element, own] of Map.groupBy(changes, ({ point }) => serverElementOf(point)))
      this.#send(kind, element, own, isRepeat);
    await this.#connection.barrier();
  }

  async publishFigures(figures: DeliveryFigures): Promise<void> {
    this.#retain("bridge", { online: true, ...figures });
    await this.#connection.barrier();
  }

  async end(): Promise<void> {
    this.#retain("bridge", { online: false });
    await this.#connection.barrier().catch(() => {});
    await this.#connection.end();
  }

  #send(kind: Batch["kind"], serverElement: string, changes: readonly PointChange[], isRepeat: boolean): void {
    const { base, layout, retains } = this.#layout;
    const topic = `${base}/${kind}/${serverElement}`;
    if (layout === "point") {
      const isRetained = retains && kind === "live";
      for (const change of changes)
        this.#connection.publish(
          `${topic}/${elementOf(change.point.key)}`,
          Buffer.from(this.#limit.textOf(change, (one) => changeJson(one, kind, isRepeat))),
          isRetained,
        );
      return;
    }
    const texts = changes.map((change) => this.#limit.textOf(change, (one) => changeJson(one, kind, isRepeat, true)));
    for (const part of this.#limit.parts(texts, (text) => Buffer.byteLength(text) + 1))
      this.#connection.publish(topic, Buffer.from(`[${part.join(",")}]`));
  }

  #tellServer(serverElement: string, state: Readonly<Record<string, boolean | string>>): void {
    this.#retain(`servers/${serverElement}`, state);
  }

  #retain(place: string, content: object): void {
    const text = JSON.stringify({ ...content, time: new Date().toISOString() });
    this.#connection.publish(`${this.#layout.base}/${place}`, Buffer.from(text), true);
  }
}
