// A subscription that was taken over and is to be given up, for instance because it was made for another configuration. It was taken over by its id, which may be somebody else's by now: only a
// message that names an item of ours proves that it may be deleted. One that proves nothing is left to the server, which ends it by itself.

import type { PublishResults } from "../channel/notification-results.ts";
import type { ClientHandles } from "./client-handles.ts";
import { namedItems } from "./notification.ts";
import type { Subscriber } from "./publish-requests.ts";
import type { ServerSubscription } from "./server-subscription.ts";
import { keepAliveMs } from "./subscription-timing.ts";

export class OldSubscription implements Subscriber {
  readonly id: number;
  readonly keepAliveMs: number;
  readonly #handles: ClientHandles;
  readonly #isOurs = Promise.withResolvers<boolean>();

  constructor({ id, timing, handles }: ServerSubscription) {
    this.id = id;
    this.keepAliveMs = keepAliveMs(timing);
    this.#handles = handles;
  }

  /** Waits for a message no longer than the server may need for one. */
  async isOurs(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const isUnknown = (): void => this.#isOurs.resolve(false);
    const timer = setTimeout(isUnknown, this.keepAliveMs + timeoutMs);
    signal.addEventListener("abort", isUnknown, { once: true });
    if (signal.aborted) isUnknown();
    const isOurs = await this.#isOurs.promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", isUnknown);
    return isOurs;
  }

  message({ notificationMessage }: PublishResults): Promise<void> {
    const { items, foreignHandle } = namedItems(notificationMessage.clientHandles, this.#handles);
    if (foreignHandle !== undefined || items.length > 0) this.#isOurs.resolve(foreignHandle === undefined);
    return Promise.resolve();
  }

  /** It is given up with all its messages, or left to whom it belongs. */
  takeShown(): readonly number[] {
    return [];
  }

  gone(): void {
    this.#isOurs.resolve(false);
  }
}
