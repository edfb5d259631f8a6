// One connection of an edge node. What comes in can do two things: a command can ask for births, the state of the primary host can begin and
// end the session. Everything else is ignored.

import type { Log } from "@cpc-partition/process/log";
import type { ServerBirth } from "../../observation/observed-change.ts";
import type { MqttConnection } from "../mqtt-connection.ts";
import { MessageLimit } from "../message-limit.ts";
import { OutputError, type Batch, type DeliveryFigures, type Session, type SessionEvents } from "../output.ts";
import { EdgeNode, rebirthMetric, type EdgeMessage } from "./edge-node.ts";
import { trueMetrics } from "./payload.ts";
import { hostStateTopic, type EdgeTopics } from "./topics.ts";

export interface SparkplugSessionSettings {
  readonly topics: EdgeTopics;
  readonly usesAliases: boolean;
  readonly takesCommands: boolean;
  readonly primaryHost: string | undefined;
  readonly bdSeq: number;
  readonly mostMessageBytes: number;
}

/** For the topic, the time and the sequence number. */
const frameBytes = 1024;
const largestCommandBytes = 64 * 1024;

export class SparkplugSession implements Session {
  readonly ended: Promise<OutputError>;
  readonly #connection: MqttConnection;
  readonly #settings: SparkplugSessionSettings;
  readonly #events: SessionEvents;
  readonly #log: Log;
  readonly #node: EdgeNode;
  readonly #hostOffline = Promise.withResolvers<OutputError>();
  readonly #hostOnline = Promise.withResolvers<void>();
  #isHostOnline = false;
  #hostTimestamp = 0;
  #hasLoggedCommand = false;

  private constructor(connection: MqttConnection, settings: SparkplugSessionSettings, events: SessionEvents, log: Log) {
    this.#connection = connection;
    this.#settings = settings;
    this.#events = events;
    this.#log = log;
    const remedy = "set maxMessage as large as the broker takes";
    const limit = new MessageLimit(settings.mostMessageBytes - frameBytes, remedy, log);
    this.#node = new EdgeNode({ ...settings, limit, birthsWanted: () => events.birthsWanted() });
    this.ended = Promise.race([connection.ended, this.#hostOffline.promise]);
  }

  /** Resolves when the host is there, if one is configured. Rejects with an OutputError. */
  static async open(
    connection: MqttConnection,
    settings: SparkplugSessionSettings,
    events: SessionEvents,
    log: Log,
    signal: AbortSignal,
  ): Promise<SparkplugSession> {
    const session = new SparkplugSession(connection, settings, events, log);
    await session.#listen(signal);
    return session;
  }

  async publishBirths(births: readonly ServerBirth[], scope: "all" | "changed"): Promise<void> {
    await this.#publish(this.#node.births(births, scope));
  }

  async publish(batch: Batch): Promise<void> {
    await this.#publish(this.#node.data(batch));
  }

  async publishFigures(figures: DeliveryFigures): Promise<void> {
    await this.#publish(this.#node.figures(figures));
  }

  /** A client that goes says so itself: a broker keeps the will back after DISCONNECT. */
  async end(): Promise<void> {
    const { topics, bdSeq } = this.#settings;
    await this.#publish([EdgeNode.death(topics, bdSeq)]).catch(() => {});
    await this.#connection.end();
  }

  async #publish(messages: readonly EdgeMessage[]): Promise<void> {
    for (const { topic, payload } of messages) this.#connection.publish(topic, payload);
    await this.#connection.barrier();
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { topics, takesCommands, primaryHost } = this.#settings;
    const stateTopic = primaryHost === undefined ? undefined : hostStateTopic(primaryHost);
    const wanted = [...(takesCommands ? [topics.nodeCommand] : []), ...(stateTopic === undefined ? [] : [stateTopic])];
    if (wanted.length === 0) return;
    await this.#connection.subscribe(wanted, (topic, payload) => {
      if (topic === topics.nodeCommand) this.#command(payload);
      else if (topic === stateTopic) this.#hostState(payload);
    });
    if (stateTopic === undefined) return;
    if (!this.#isHostOnline) this.#log("info", `waiting for the primary host ${primaryHost ?? ""} to come online`);
    const stopped = Promise.withResolvers<OutputError>();
    const stop = (): void => stopped.resolve(new OutputError("Ended", "the bridge is stopping"));
    signal.addEventListener("abort", stop, { once: true });
    const over = await Promise.race([this.#hostOnline.promise, this.#connection.ended, stopped.promise]);
    signal.removeEventListener("abort", stop);
    if (!(over instanceof OutputError)) return;
    await this.#connection.end();
    throw over;
  }

  #command(payload: Buffer): void {
    const names = payload.length <= largestCommandBytes ? trueMetrics(payload) : undefined;
    if (names?.includes(rebirthMetric) === true) {
      this.#events.birthsWanted();
      return;
    }
    if (!this.#hasLoggedCommand)
      this.#log(
        "warn",
        "a command of the host was ignored: the bridge only reads, and takes no command but the one for a rebirth",
      );
    this.#hasLoggedCommand = true;
  }

  /** 6.4.29: JSON with `online` and `timestamp`; an older message than the last one counts for nothing. */
  #hostState(payload: Buffer): void {
    const state = payload.length <= largestCommandBytes ? hostStateOf(payload.toString()) : undefined;
    if (state === undefined || state.timestamp < this.#hostTimestamp) return;
    this.#hostTimestamp = state.timestamp;
    if (state.isOnline) {
      this.#isHostOnline = true;
      this.#hostOnline.resolve();
      return;
    }
    if (!this.#isHostOnline) return;
    this.#isHostOnline = false;
    const { primaryHost = "" } = this.#settings;
    this.#hostOffline.resolve(new OutputError("Lost", `the primary host ${primaryHost} went offline`));
    void this.end();
  }
}

function hostStateOf(text: string): { readonly isOnline: boolean; readonly timestamp: number } | undefined {
  try {
    const { online, timestamp } = JSON.parse(text) as Record<string, unknown>;
    return typeof online === "boolean" && typeof timestamp === "number" ? { isOnline: online, timestamp } : undefined;
  } catch {
    return undefined;
  }
}
