// One server as a program uses it: it connects, polls and disconnects when it is told to. To the loops it is a source like any other.

import type { ConnectionEntry, PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { retryPauseMs, ServerError } from "../sources/server-error.ts";
import type { Group, Session, Source, SourceFacts } from "../sources/source.ts";

/** A session whose groups can be polled one by one. */
export interface PollableSession extends Session {
  poll(group: number, sink: PointSink, signal: AbortSignal): Promise<void>;
}

interface PollableSource<Opened extends PollableSession> extends Source {
  connect(signal: AbortSignal): Promise<Opened>;
}

export abstract class ServerClient<Opened extends PollableSession = PollableSession> implements Source {
  readonly #source: PollableSource<Opened>;
  #session: Opened | undefined;
  #lastFailure: unknown;

  protected constructor(source: PollableSource<Opened>) {
    this.#source = source;
  }

  get alias(): string {
    return this.#source.alias;
  }

  get connection(): ConnectionEntry {
    return this.#source.connection;
  }

  get isInsecure(): boolean | undefined {
    return this.#source.isInsecure;
  }

  get points(): readonly PointDescription[] {
    return this.#source.points;
  }

  get groups(): readonly Group[] {
    return this.#source.groups;
  }

  get facts(): SourceFacts {
    return this.#source.facts;
  }

  /** The shortest interval at which points of this server are polled; undefined: the service's. */
  get intervalMs(): number | undefined {
    return this.groups[0]?.intervalMs;
  }

  /** Wall clock, when the certificate that the server showed last expires; undefined: it showed none. */
  get certificateEndsMs(): number | undefined {
    return this.facts.certificateEndsMs;
  }

  /** The same of the certificate that we show the server. */
  get ownCertificateEndsMs(): number | undefined {
    return this.facts.ownCertificateEndsMs;
  }

  /** The most that one request may ask for, as the server's refusals have taught; undefined: it has refused no length. */
  get requestLimit(): number | undefined {
    return this.facts.requestLimit;
  }

  /** Pause before the next attempt: as configured, longer after a refusal, shorter when the next attempt will ask for less. */
  get retryIntervalMs(): number {
    return retryPauseMs(this.#lastFailure, this.#source.retryIntervalMs);
  }

  /** The last attempt was refused, and the files that decided it have changed since: the next attempt need not wait. */
  get isWorthRetrying(): boolean {
    return this.#lastFailure instanceof ServerError && this.#lastFailure.isReasonGone?.() === true;
  }

  /** Connects anew. Rejects with a ServerError when that fails, or when the signal aborts. */
  async connect(signal: AbortSignal = new AbortController().signal): Promise<Opened> {
    await this.disconnect();
    const session = await this.#noteFailure(() => this.#source.connect(signal));
    this.#session = session;
    return session;
  }

  /**
   * Reads every point once, one group after the other; the sink's indexes are places in `points`. Rejects with a ServerError when the connection
   * can no longer be relied on.
   */
  async poll(sink: PointSink, signal: AbortSignal): Promise<void> {
    for (const [group, { points }] of this.groups.entries()) {
      await this.#noteFailure(() => this.opened.poll(group, sinkOfGroup(sink, points), signal));
    }
  }

  /** Ends the connection politely within a bounded time; harmless when there is none. Never rejects. */
  async disconnect(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  protected get opened(): Opened {
    if (this.#session === undefined) throw this.notConnected();
    return this.#session;
  }

  protected abstract notConnected(): ServerError;

  async #noteFailure<T>(work: () => Promise<T>): Promise<T> {
    this.#lastFailure = undefined;
    try {
      return await work();
    } catch (error) {
      this.#lastFailure = error;
      throw error;
    }
  }
}

/** Of a group's points, by their index there, in a sink of all points. */
function sinkOfGroup(sink: PointSink, points: readonly number[]): PointSink {
  const placeOf = (index: number): number => points[index] ?? -1;
  return {
    responseCame: () => sink.responseCame(),
    setNumber: (index, type, value) => sink.setNumber(placeOf(index), type, value),
    setTimedNumber: (index, ...number) => sink.setTimedNumber(placeOf(index), ...number),
    setValue: (index, value, status, sourceTimestamp) => sink.setValue(placeOf(index), value, status, sourceTimestamp),
    unchanged: (index) => sink.unchanged(placeOf(index)),
    setStatus: (index, status) => sink.setStatus(placeOf(index), status),
  };
}
