// Keeps Publish requests at the server (OPC 10000-4, 5.14.5), of one session and for all its subscriptions: a message of the server is the
// answer to one of them. Answers are handled one after the other, in the order in which they came, and acknowledged when readers have what was
// in them: what was not shown can be asked for again.
//
// A server that says that these are too many gets fewer; one that cannot answer for another reason is asked again after a pause, until a
// watchdog ends that.

import { PublishRequest } from "node-opcua-client";
import { setTimeout as pause } from "node:timers/promises";
import { ServerError } from "../../../sources/server-error.ts";
import { PublishResults } from "../channel/notification-results.ts";
import { endsSession, statusOf } from "../failure.ts";
import type { SecureSession } from "../secure-session.ts";

/** One that the server answers, and one that is there meanwhile. */
const mostAtOnce = 2;
const againMs = 500;

const badNoSubscription = 0x80790000;
const badTooManyPublishRequests = 0x80780000;

/** One subscription. */
export interface Subscriber {
  readonly id: number;
  /** Longest pause between two of its messages. */
  readonly keepAliveMs: number;
  /** Rejects with a ServerError when the session can no longer be relied on. */
  message(response: PublishResults, signal: AbortSignal): Promise<void>;
  /** Numbers of messages that the server need not keep any more, each once. */
  takeShown(): readonly number[];
  /** The server has no such subscription. */
  gone(): void;
}

export class PublishRequests {
  readonly #session: SecureSession;
  readonly #subscribers = new Map<number, Subscriber>();
  #handled: Promise<void> = Promise.resolve();
  #running = 0;
  #arrived = Promise.withResolvers<void>();

  constructor(session: SecureSession) {
    this.#session = session;
  }

  add(subscriber: Subscriber): void {
    this.#subscribers.set(subscriber.id, subscriber);
    this.#arrived.resolve();
  }

  remove({ id }: Subscriber): void {
    if (this.#subscribers.delete(id) && this.#subscribers.size === 0) this.#arrived = Promise.withResolvers();
  }

  /** Until the signal aborts. Rejects with a ServerError when the session can no longer be relied on. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.all(Array.from({ length: mostAtOnce }, () => this.#ask(signal, stopped)));
  }

  async #ask(signal: AbortSignal, stopped: Promise<void>): Promise<void> {
    this.#running++;
    while (!signal.aborted) {
      await Promise.race([this.#arrived.promise, stopped]);
      if (signal.aborted) break;
      const asked = [...this.#subscribers.values()];
      try {
        const response = await this.#publish(signal);
        await this.#handle(response, signal);
      } catch (error) {
        if (signal.aborted) break;
        const status = error instanceof ServerError ? statusOf(error.cause ?? {})?.value : undefined;
        if (status === undefined || endsSession(status)) throw error;
        if (status === badNoSubscription) {
          this.#areGone(asked);
          continue;
        }
        if (status === badTooManyPublishRequests && this.#running > 1) break;
        await pause(againMs, undefined, { signal }).catch(() => undefined);
      }
    }
    this.#running--;
  }

  /** Those of the time when it was asked: by now there may be another one. */
  #areGone(subscribers: readonly Subscriber[]): void {
    for (const subscriber of subscribers) {
      if (this.#subscribers.get(subscriber.id) !== subscriber) continue;
      this.remove(subscriber);
      subscriber.gone();
    }
  }

  async #publish(signal: AbortSignal): Promise<PublishResults> {
    const { timeoutMs } = this.#session.server;
    const subscribers = [...this.#subscribers.values()];
    const keepAlives = subscribers.map(({ keepAliveMs }) => keepAliveMs);
    const subscriptionAcknowledgements = subscribers.flatMap((subscriber) =>
      subscriber.takeShown().map((sequenceNumber) => ({ subscriptionId: subscriber.id, sequenceNumber })),
    );
    // The watchdogs of the subscriptions are sooner: an answer that does not come is theirs to judge.
    const patienceMs = 2 * (mostAtOnce + 1) * Math.max(0, ...keepAlives) + 2 * timeoutMs;
    const options = { what: "receive changes from", signal, timeoutMs: patienceMs };
    return await this.#session.request(new PublishRequest({ subscriptionAcknowledgements }), PublishResults, options);
  }

  #handle(response: PublishResults, signal: AbortSignal): Promise<void> {
    const { subscriptionId } = response;
    this.#handled = this.#handled.then(() => this.#subscribers.get(subscriptionId)?.message(response, signal));
    return this.#handled;
  }
}
