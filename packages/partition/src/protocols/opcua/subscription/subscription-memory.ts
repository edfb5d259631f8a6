// The subscriptions that servers keep for us while nobody is connected. The next session takes one over (OPC 10000-4, 5.14.7), also that of the
// next run of the partition, so that no queued change is lost. What is remembered is worth nothing when the configuration has changed.

import type { OpcUaServer } from "../configuration/opc-ua-server.ts";

/** Of one group of one server. */
export interface RememberedSubscription {
  readonly id: number;
  readonly publishingMs: number;
  readonly keepAliveCount: number;
  /** What it was made from: other nodes or settings make another one. */
  readonly fingerprint: string;
  /** Of its items: what names others is not ours. */
  readonly firstHandle: number;
  readonly items: number;
  /** Wall clock of the server: another start is another server, whose ids say nothing. Null: it does not tell. */
  readonly serverStartMs: number | null;
  /** The number of its next message; null: a run has ended without saying so. */
  readonly nextNumber: number | null;
}

/** The group of a server that a subscription is of. */
export function subscriptionOwner({ alias, endpointUrl }: OpcUaServer, groupIntervalMs: number | undefined): string {
  return JSON.stringify([alias, endpointUrl, groupIntervalMs ?? 0]);
}

export interface SubscriptionMemory {
  get(owner: string): RememberedSubscription | undefined;
  /** Undefined: there is none any more. */
  set(owner: string, remembered: RememberedSubscription | undefined): void;
}

/** As long as the process lives. */
export class BriefSubscriptionMemory implements SubscriptionMemory {
  readonly #remembered = new Map<string, RememberedSubscription>();

  get all(): ReadonlyMap<string, RememberedSubscription> {
    return this.#remembered;
  }

  get(owner: string): RememberedSubscription | undefined {
    return this.#remembered.get(owner);
  }

  set(owner: string, remembered: RememberedSubscription | undefined): void {
    if (remembered === undefined) this.#remembered.delete(owner);
    else this.#remembered.set(owner, remembered);
  }
}
