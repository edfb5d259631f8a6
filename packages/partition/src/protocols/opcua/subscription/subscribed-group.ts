// A group whose values the server sends by itself. While its session lasts it has one subscription: taken over from the session before where the
// server gives it, otherwise made anew, and made anew again when it cannot be relied on any more. That brings the value of every item; it is
// counted as a failure of the server, and values stay good meanwhile. A server whose subscriptions do not last is connected anew.

import { createHash } from "node:crypto";
import type { OpcUaServer } from "../configuration/opc-ua-server.ts";
import { valueText } from "../configuration/opc-ua-point.ts";
import { ServerError } from "../../../sources/server-error.ts";
import { ClientHandles } from "./client-handles.ts";
import { itemsOf, type SubscriptionContext } from "./item-care.ts";
import { LiveSubscription } from "./live-subscription.ts";
import { OldSubscription } from "./old-subscription.ts";
import { SequenceNumbers } from "./sequence-numbers.ts";
import { readServerFacts, type ServerFacts } from "./server-facts.ts";
import type { ReadSize } from "../read-size.ts";
import type { SubscriptionReport } from "./subscription-report.ts";
import { createSubscription, deleteSubscription, takeOver, type ServerSubscription } from "./server-subscription.ts";
import { subscriptionOwner, type SubscriptionMemory } from "./subscription-memory.ts";

/** So often in so short a time, and the connection itself is in doubt. */
const mostRebuilds = 5;
const rebuildsWithinMs = 60_000;
const remedy = "if that goes on, write <acquisition>read</acquisition> for this server";

/** Of one server: what outlives its sessions. */
export interface KeptOverSessions {
  readonly memory: SubscriptionMemory;
  /** How many items in one request. */
  readonly itemSize: ReadSize;
  readonly report: SubscriptionReport;
}

type GroupContext = SubscriptionContext & KeptOverSessions;

interface Opened {
  readonly live: LiveSubscription;
  /** Numbers of messages that the server has kept. */
  readonly kept: readonly number[];
}

export class SubscribedGroup {
  readonly #context: GroupContext;
  readonly #owner: string;
  readonly #fingerprint: string;
  #serverStartMs: ServerFacts["startMs"] = null;
  #rebuiltMs: number[] = [];

  constructor(context: GroupContext) {
    const { server } = context.session;
    this.#context = context;
    this.#owner = subscriptionOwner(server, context.intervalMs);
    this.#fingerprint = fingerprintOf(server, context);
  }

  /** Until the signal aborts. Rejects with a ServerError when the session can no longer be relied on. */
  async run(signal: AbortSignal): Promise<void> {
    const { session, itemSize } = this.#context;
    const facts = await readServerFacts(session, signal);
    itemSize.begin(facts.itemLimit);
    this.#serverStartMs = facts.startMs;
    while (!signal.aborted) {
      const { live, kept } = (await this.#takeOver(signal)) ?? (await this.#make(signal));
      const reason = await this.#live(live, kept, signal);
      if (signal.aborted) return;
      await this.#giveUp(live, reason, signal);
    }
  }

  async #live(live: LiveSubscription, kept: readonly number[], signal: AbortSignal): Promise<string> {
    const { requests } = this.#context;
    try {
      await live.catchUp(kept, signal);
      requests.add(live);
      return await live.keep(signal);
    } finally {
      requests.remove(live);
      await live.settled();
      // Here, because the session may have ended, too, and the next does not know of what was lost.
      if (live.ended !== undefined && !live.isForeign) this.#count(live.ended);
      this.#remember(live, live.nextNumber);
    }
  }

  /** Undefined: the server does not give it, or it is not what is wanted now. */
  async #takeOver(signal: AbortSignal): Promise<Opened | undefined> {
    const { session, report, intervalMs, memory } = this.#context;
    session.keepsSubscriptions = true;
    const remembered = memory.get(this.#owner);
    if (remembered === undefined) return undefined;
    // Its ids are those of other subscriptions now, and whose these are, shows only when they are taken away.
    const isOtherServer = remembered.serverStartMs !== this.#serverStartMs;
    const taken = isOtherServer ? "it has been restarted" : await takeOver(session, intervalMs, remembered, signal);
    memory.set(this.#owner, undefined);
    if (typeof taken === "string") report.madeAnew(taken);
    else if (remembered.fingerprint !== this.#fingerprint) await this.#giveUpOld(taken, signal);
    else {
      report.tookOver(taken.kept.length);
      return { live: this.#begin(taken, remembered.nextNumber ?? undefined, true), kept: taken.kept };
    }
    return undefined;
  }

  async #make(signal: AbortSignal): Promise<Opened> {
    const { session, intervalMs, nodes } = this.#context;
    const handles = ClientHandles.random(itemsOf(nodes.length));
    const made = await createSubscription(session, intervalMs, handles, signal);
    return { live: this.#begin(made, undefined, false), kept: [] };
  }

  /** One that nobody wants any more, and that would use up what the server has for us. */
  async #giveUpOld(subscription: ServerSubscription, signal: AbortSignal): Promise<void> {
    const { session, requests } = this.#context;
    const old = new OldSubscription(subscription);
    requests.add(old);
    try {
      if (await old.isOurs(session.server.timeoutMs, signal)) await deleteSubscription(session, old.id, signal);
    } finally {
      requests.remove(old);
    }
  }

  #begin(subscription: ServerSubscription, nextNumber: number | undefined, isTakenOver: boolean): LiveSubscription {
    const live = new LiveSubscription(this.#context, subscription, new SequenceNumbers(nextNumber), isTakenOver);
    this.#remember(live, null);
    return live;
  }

  #remember({ id, timing, handles }: LiveSubscription, nextNumber: number | null): void {
    const { publishingMs, keepAliveCount } = timing;
    this.#context.memory.set(this.#owner, {
      id,
      publishingMs,
      keepAliveCount,
      fingerprint: this.#fingerprint,
      firstHandle: handles.first,
      items: handles.count,
      serverStartMs: this.#serverStartMs,
      nextNumber,
    });
  }

  async #giveUp(live: LiveSubscription, reason: string, signal: AbortSignal): Promise<void> {
    const { session, report, memory } = this.#context;
    memory.set(this.#owner, undefined);
    if (live.isForeign) return report.madeAnew(reason);
    if (live.isOurs) await deleteSubscription(session, live.id, signal);
    else await this.#giveUpOld(live, signal);
    const { alias, endpointUrl } = session.server;
    const nowMs = performance.now();
    this.#rebuiltMs = [...this.#rebuiltMs.filter((ms) => nowMs - ms < rebuildsWithinMs), nowMs];
    if (this.#rebuiltMs.length > mostRebuilds) {
      const message = `cannot stay subscribed at ${endpointUrl} because ${reason}, ${this.#rebuiltMs.length} times within a minute; ${remedy}`;
      throw new ServerError("ProtocolViolation", alias, message);
    }
  }

  #count(reason: string): void {
    const { session, reports } = this.#context;
    const { alias, endpointUrl } = session.server;
    const message = `the subscription at ${endpointUrl} had to be made anew because ${reason}; ${remedy}`;
    reports.failed(new ServerError("ServiceFault", alias, message));
  }
}

/** The same for the same subscription. */
function fingerprintOf(server: OpcUaServer, { nodes, intervalMs }: SubscriptionContext): string {
  const items = nodes.map((index) => {
    const node = server.nodes[index];
    return node === undefined ? [] : [valueText(node), node.item];
  });
  const { subscription, identity } = server;
  const user = identity.kind === "UserName" ? identity.userName : identity.kind;
  return createHash("sha256")
    .update(JSON.stringify([intervalMs, subscription, user, items]))
    .digest("hex");
}
