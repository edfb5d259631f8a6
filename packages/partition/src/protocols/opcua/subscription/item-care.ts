// The items of one subscription. None is ever forgotten: an item that is refused or does not report is read at every interval, and asked for again;
// items that have been quiet for long are read now and then, and where such a Read shows what should have been reported, the subscription is
// not to be relied on.

import type { DataValue } from "node-opcua-client";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import type { OpcUaItem } from "../configuration/opc-ua-server.ts";
import type { GroupReports, SessionReports } from "../../../sources/source.ts";
import type { NodeReader } from "../node-reader.ts";
import type { ReadSize } from "../read-size.ts";
import type { SecureSession } from "../secure-session.ts";
import { serverClockNode, serverStateNode } from "../server-state.ts";
import { HeldValues } from "./held-values.ts";
import { ItemStates } from "./item-states.ts";
import { createItems, deleteItems, type Made, type WantedItem } from "./monitored-items.ts";
import type { PublishRequests } from "./publish-requests.ts";
import { ReportedValues } from "./reported-values.ts";
import type { ServerSubscription } from "./server-subscription.ts";
import type { SubscriptionReport } from "./subscription-report.ts";

/** The server's clock need not be looked at more often. */
export const clockSamplingMs = 1000;
/** Of quiet items in one check. */
const mostProofs = 1000;
/** A first message may take so long; nobody is left longer without a value. */
const longestFirstWaitMs = 2000;
const plainItem: OpcUaItem = {
  samplingIntervalMs: undefined,
  queueSize: 1,
  deadband: { kind: "Absolute", value: 0 },
  trigger: "StatusValue",
};

/** A group polls that often where nothing is configured. */
const defaultIntervalMs = 1000;

export interface SubscriptionContext {
  readonly session: SecureSession;
  readonly reader: NodeReader;
  readonly reports: SessionReports;
  /** Place of the group among those of the server, and the indexes of its nodes, in the order of its points. */
  readonly group: number;
  readonly nodes: readonly number[];
  /** Undefined: the server's. */
  readonly intervalMs: number | undefined;
  readonly requests: PublishRequests;
  /** How many items in one request. */
  readonly itemSize: ReadSize;
  readonly report: SubscriptionReport;
  /** Throws when the server's certificate is not trusted any more. */
  readonly recheck: () => void;
  /** The reader knows more of the nodes than before. */
  readonly described: () => void;
}

/** What the items tell the subscription, and ask it. */
export interface ItemVerdicts {
  /** False: it may be somebody else's, who wants no items of ours. */
  isOurs(): boolean;
  /** Resolves when what has come is published. */
  settled(): Promise<void>;
  /** It cannot be relied on any more. */
  end(reason: string): void;
  /** How often the server looks at its clock. */
  clockSampled(everyMs: number): void;
}

/** Behind those of the points: the server's clock and its state. */
export function itemsOf(points: number): number {
  return points + 2;
}

export class ItemCare {
  readonly states: ItemStates;
  readonly reported: ReportedValues;
  readonly clockItem: number;
  readonly stateItem: number;
  readonly #context: SubscriptionContext;
  readonly #group: GroupReports;
  readonly #subscription: ServerSubscription;
  readonly #verdicts: ItemVerdicts;
  readonly #graceMs: number;
  #slowestSamplingMs: number;
  #nextCheckMs: number;
  #nextReadMs = 0;
  #wantsAll = false;
  #wantsFirst: boolean;
  #rereadings = 0;

  /** `isTakenOver`: the server has items already; which, shows. */
  constructor(
    context: SubscriptionContext,
    subscription: ServerSubscription,
    isTakenOver: boolean,
    verdicts: ItemVerdicts,
  ) {
    const { nodes, reports, session } = context;
    this.#context = context;
    this.#group = reports.groups[context.group] as GroupReports;
    this.#subscription = subscription;
    this.#verdicts = verdicts;
    this.clockItem = nodes.length;
    this.stateItem = nodes.length + 1;
    this.states = new ItemStates(itemsOf(nodes.length));
    this.reported = new ReportedValues(nodes.length);
    const delivery = context.reader.delivery(context.group);
    for (const place of nodes.keys()) if (delivery.ownerOf(place) !== place) this.states.follows(place);
    const { timeoutMs, subscription: settings } = session.server;
    const { publishingMs } = subscription.timing;
    const nowMs = performance.now();
    this.#graceMs = 2 * publishingMs + timeoutMs;
    this.#slowestSamplingMs = publishingMs;
    this.#nextCheckMs = nowMs + (settings?.quietCheckMs ?? 0);
    this.#wantsFirst = !isTakenOver && publishingMs > longestFirstWaitMs;
    if (isTakenOver)
      for (let item = 0; item <= this.stateItem; item++)
        if (this.states.of(item).is !== "following") this.states.created(item, undefined, nowMs);
  }

  /** Values that were published could not be shown: all are read again. */
  wantAll(): void {
    this.#wantsAll = true;
  }

  /** To be called again and again. Rejects with a ServerError when the session can no longer be relied on. */
  async lookAfter(signal: AbortSignal): Promise<void> {
    await this.#readFirst(signal);
    await this.#giveUpOverdue(signal);
    await this.#create(signal);
    await this.#readWhatDoesNotReport(signal);
    await this.#check(signal);
  }

  /** Before the items are made: what is read later is newer than the first values in their queues. */
  async #readFirst(signal: AbortSignal): Promise<void> {
    if (!this.#wantsFirst) return;
    this.#wantsFirst = false;
    await this.#readAndShow([...this.#context.nodes.keys()], signal);
  }

  async #giveUpOverdue(signal: AbortSignal): Promise<void> {
    const { session, report, nodes, itemSize } = this.#context;
    const nowMs = performance.now();
    const overdue = this.states.overdue(nowMs, this.#graceMs);
    if (overdue.length === 0) return;
    const ids = overdue.flatMap((item) => {
      const state = this.states.of(item);
      return state.is === "waiting" && state.itemId !== undefined ? [state.itemId] : [];
    });
    for (const item of overdue) this.states.refused(item, StatusCode.BadWaitingForInitialData, this.#nextTryMs(nowMs));
    // Of a subscription that was taken over nobody knows which items it has: some may never have been made.
    if (ids.length > 0) report.neverReported(overdue.flatMap((item) => nodes[item] ?? []));
    await deleteItems({ session, subscriptionId: this.#subscription.id, size: itemSize }, ids, signal);
  }

  async #create(signal: AbortSignal): Promise<void> {
    if (!this.#verdicts.isOurs()) return;
    const { session, itemSize } = this.#context;
    const nowMs = performance.now();
    const wanted = this.states.due(nowMs).flatMap((item) => this.#wantedItem(item, nowMs));
    if (wanted.length === 0) return;
    const { id: subscriptionId, handles, timing } = this.#subscription;
    const context = { session, subscriptionId, handles, publishingMs: timing.publishingMs, size: itemSize };
    const refused = new Map<number, number[]>();
    const unfiltered: number[] = [];
    await createItems(context, wanted, signal, (item, outcome) => {
      this.#made(item, outcome);
      const node = this.#context.nodes[item];
      if (node === undefined) return;
      if ("status" in outcome) refused.set(outcome.status, [...(refused.get(outcome.status) ?? []), node]);
      else if (outcome.isUnfiltered) unfiltered.push(node);
    });
    for (const [status, nodes] of refused) this.#context.report.refused(status, nodes);
    if (unfiltered.length > 0) this.#context.report.unfiltered(unfiltered);
  }

  /** None where the server has no such namespace. */
  #wantedItem(item: number, nowMs: number): readonly WantedItem[] {
    const { reader, nodes, session } = this.#context;
    if (item === this.clockItem)
      return [{ item, value: serverClockNode, how: { ...plainItem, samplingIntervalMs: clockSamplingMs } }];
    if (item === this.stateItem) return [{ item, value: serverStateNode, how: plainItem }];
    const node = nodes[item] ?? 0;
    const value = reader.valueToRead(node);
    if (value !== undefined) return [{ item, value, how: session.server.nodes[node]?.item ?? plainItem }];
    this.states.refused(item, StatusCode.BadNodeIdUnknown, this.#nextTryMs(nowMs));
    return [];
  }

  #made(item: number, outcome: Made): void {
    const nowMs = performance.now();
    if ("status" in outcome) {
      if (item === this.clockItem) this.#context.report.noClock(outcome.status);
      return this.states.refused(item, outcome.status, this.#nextTryMs(nowMs));
    }
    this.states.created(item, outcome.itemId, nowMs);
    if (item === this.clockItem) this.#verdicts.clockSampled(outcome.samplingMs);
    else if (outcome.samplingMs > this.#slowestSamplingMs) this.#slowestSamplingMs = outcome.samplingMs;
  }

  #nextTryMs(nowMs: number): number {
    return nowMs + this.#context.session.server.retryIntervalMs;
  }

  /** Once in an interval: items that are refused, and all of them after values could not be shown. */
  async #readWhatDoesNotReport(signal: AbortSignal): Promise<void> {
    const { reader, nodes, intervalMs = defaultIntervalMs } = this.#context;
    const nowMs = performance.now();
    if (reader.rereadings !== this.#rereadings) this.#wantsAll = true;
    this.#rereadings = reader.rereadings;
    if (nowMs < this.#nextReadMs && !this.#wantsAll) return;
    this.#nextReadMs = nowMs + intervalMs;
    const places = this.#wantsAll
      ? [...nodes.keys()]
      : this.states.refusedItems.filter((item) => item < this.clockItem);
    this.#wantsAll = false;
    if (places.length > 0) await this.#readAndShow(places, signal);
  }

  /** What has reported meanwhile is newer. */
  async #readAndShow(places: readonly number[], signal: AbortSignal): Promise<void> {
    const { reader, group } = this.#context;
    const nowMs = performance.now();
    const held = new HeldValues();
    const delivery = reader.delivery(group);
    await reader.read(group, places, held, signal);
    await this.#verdicts.settled();
    this.#group.publish((sink) =>
      held.releaseTo(sink, (item) => !this.states.hasReportedSince(delivery.ownerOf(item), nowMs)),
    );
  }

  /** Reads items that have been quiet for long, and once more those that showed another value than they had reported. */
  async #check(signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    const { quietCheckMs = Infinity } = this.#context.session.server.subscription ?? {};
    const forgotten = this.states.forgotten(nowMs, this.#graceMs + this.#slowestSamplingMs);
    if (forgotten.length > 0) {
      const still = (await this.#disagreeing(forgotten, signal)).filter(({ isSuspect }) => isSuspect);
      if (still.length > 0) return this.#verdicts.end(this.#wordsOf(still.map(({ item }) => item)));
    }
    if (nowMs < this.#nextCheckMs) return;
    this.#nextCheckMs = nowMs + quietCheckMs;
    const quiet = this.states.quiet(nowMs, quietCheckMs, mostProofs).filter((item) => item < this.clockItem);
    for (const { item } of await this.#disagreeing(quiet, signal)) this.states.suspected(item, nowMs);
  }

  /** Items whose value is another than they reported last; those that agree are trusted again. `isSuspect`: it was so before. */
  async #disagreeing(
    items: readonly number[],
    signal: AbortSignal,
  ): Promise<readonly { readonly item: number; readonly isSuspect: boolean }[]> {
    const { reader, group, nodes, session } = this.#context;
    const found: { item: number; isSuspect: boolean }[] = [];
    if (items.length === 0) return found;
    const visit = (item: number, result: DataValue): void => {
      const how = session.server.nodes[nodes[item] ?? 0]?.item ?? plainItem;
      const state = this.states.of(item);
      if (this.reported.agrees(item, result, how)) this.states.clearSuspicion(item);
      else found.push({ item, isSuspect: state.is === "reporting" && state.suspectSinceMs !== undefined });
    };
    await reader.look(group, items, signal, visit);
    return found;
  }

  #wordsOf(items: readonly number[]): string {
    const node = this.#context.session.server.nodes[this.#context.nodes[items[0] ?? 0] ?? 0];
    const others = items.length > 1 ? ` and ${items.length - 1} other nodes` : "";
    return `a Read shows another value of "${node?.displayName ?? ""}"${others} than the server reported`;
  }
}
