// One subscription while it lives: its messages, each taken once and in order, and two watchdogs. A message that is missing is asked for again. What
// was lost for good, or forgotten by the server, ends the subscription with the reason.
//
// One that was taken over is ours when a message names an item of ours. Until then nothing is added to it; a message that names an item of somebody
// else ends it, and nothing of that message is shown.
//
// A message with many values of one item is published in several turns of the event loop, so that other servers keep their times.
//
// A message is proof for every item that reports: what it does not name has not changed. So all of them are confirmed with each message, and their
// age is what it would be with polls.

import { setImmediate as nextTurn } from "node:timers/promises";
import { StatusCodes } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { Alarm } from "@cpc-partition/process/schedule";
import { ServerError } from "../../../sources/server-error.ts";
import type { GroupReports, Receipt } from "../../../sources/source.ts";
import type { DataValues } from "../channel/data-values.ts";
import type { NotificationResults, PublishResults } from "../channel/notification-results.ts";
import { statusOf } from "../failure.ts";
import { requireRunning } from "../server-state.ts";
import type { ClientHandles } from "./client-handles.ts";
import { clockSamplingMs, ItemCare, type SubscriptionContext } from "./item-care.ts";
import { badSubscriptionIdInvalid } from "./monitored-items.ts";
import { namedItems, roundsOf } from "./notification.ts";
import type { Subscriber } from "./publish-requests.ts";
import { PublishedMessages } from "./published-messages.ts";
import { inTheirOrder, type SequenceNumbers } from "./sequence-numbers.ts";
import { mostValuesInMessage, republish, type ServerSubscription } from "./server-subscription.ts";
import { itemTiming, keepAliveMs, type SubscriptionTiming } from "./subscription-timing.ts";
import { Watchdogs } from "./watchdogs.ts";

/** How often items and watchdogs are looked at. */
const leastPauseMs = 50;
const longestPauseMs = 1000;
/** Longest that values are published before others have their turn. */
const longestTurnMs = 5;
const isGone = "the server does not have it any more";

export class LiveSubscription implements Subscriber {
  readonly id: number;
  readonly timing: SubscriptionTiming;
  readonly handles: ClientHandles;
  readonly keepAliveMs: number;
  readonly #context: SubscriptionContext;
  readonly #group: GroupReports;
  readonly #numbers: SequenceNumbers;
  readonly #items: ItemCare;
  readonly #watchdogs: Watchdogs;
  readonly #alarm = new Alarm();
  /** Nodes with a value that the server had not described when the session was opened. */
  readonly #appeared = new Set<number>();
  readonly #published = new PublishedMessages();
  readonly #mostOfOneItem: number;
  readonly #begunMs = performance.now();
  /** What is being handled; never rejects. */
  #handling: Promise<void> = Promise.resolve();
  #isOurs: boolean;
  #isForeign = false;
  /** Its messages come by themselves. */
  #hasBegun = false;
  #ended: string | undefined;

  constructor(
    context: SubscriptionContext,
    subscription: ServerSubscription,
    numbers: SequenceNumbers,
    isTakenOver: boolean,
  ) {
    this.id = subscription.id;
    this.timing = subscription.timing;
    this.handles = subscription.handles;
    this.#isOurs = !isTakenOver;
    this.keepAliveMs = keepAliveMs(this.timing);
    this.#context = context;
    this.#numbers = numbers;
    this.#group = context.reports.groups[context.group] as GroupReports;
    const { timeoutMs, nodes } = context.session.server;
    const queueSizes = context.nodes.map((node) => {
      const item = nodes[node]?.item;
      return item === undefined ? 0 : itemTiming(item, this.timing.publishingMs).queueSize;
    });
    this.#mostOfOneItem = queueSizes.reduce((most, size) => Math.max(most, size), mostValuesInMessage);
    this.#watchdogs = new Watchdogs(
      performance.now(),
      this.keepAliveMs + timeoutMs,
      this.#stillAfterMs(clockSamplingMs),
    );
    this.#items = new ItemCare(context, subscription, isTakenOver, {
      end: (reason) => this.#end(reason),
      isOurs: () => this.#isOurs,
      settled: () => this.#handling,
      clockSampled: (everyMs) => this.#watchdogs.stillAfter(this.#stillAfterMs(everyMs)),
    });
  }

  /** A message has proven it, or this session has made it. */
  get isOurs(): boolean {
    return this.#isOurs;
  }

  /** A message has named what is none of ours: its id is that of another subscription now. */
  get isForeign(): boolean {
    return this.#isForeign;
  }

  /** Why it has to be made anew; undefined: it has not. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Resolves when what has come is handled. */
  settled(): Promise<void> {
    return this.#handling;
  }

  /** The number of its first message that readers do not have; null: nobody knows. */
  get nextNumber(): number | null {
    return this.#published.firstDropped ?? this.#numbers.expected ?? null;
  }

  takeShown(): readonly number[] {
    return this.#published.takeShown();
  }

  /** Messages that the server has kept, with these numbers, as far as they were not handled before. */
  async catchUp(kept: readonly number[], signal: AbortSignal): Promise<void> {
    for (const number of inTheirOrder(kept)) {
      const arrival = this.#numbers.arrived(number);
      // Only its acknowledgement was lost.
      if (arrival.is === "past") {
        this.#published.add(number, () => true);
        continue;
      }
      if (arrival.is === "broken") return this.#doNotFollow(number);
      const missing = arrival.is === "gap" ? arrival.missing : [];
      await this.#fetch([...missing, number], kept, signal);
    }
  }

  /** Until the signal aborts, or the subscription has to be made anew: then the reason. */
  async keep(signal: AbortSignal): Promise<string> {
    const { intervalMs = longestPauseMs } = this.#context;
    const pauseMs = Math.min(longestPauseMs, Math.max(leastPauseMs, intervalMs));
    const stop = (): void => this.#alarm.ring();
    signal.addEventListener("abort", stop, { once: true });
    this.#group.wantsAgain = () => {
      this.#items.wantAll();
      this.#alarm.ring();
    };
    try {
      while (!signal.aborted && this.#ended === undefined) {
        await this.#room();
        await this.#lookAfter(signal);
        if (!signal.aborted && this.#ended === undefined) await this.#alarm.wait(pauseMs);
      }
    } catch (error) {
      if (signal.aborted) return "";
      const status = error instanceof ServerError ? statusOf(error.cause ?? {})?.value : undefined;
      if (status !== badSubscriptionIdInvalid) throw error;
      this.gone();
    } finally {
      signal.removeEventListener("abort", stop);
      this.#group.wantsAgain = undefined;
    }
    return this.#ended ?? "";
  }

  message(response: PublishResults, signal: AbortSignal): Promise<void> {
    const handled = this.#handle(response, signal);
    this.#handling = handled.catch(() => undefined);
    return handled;
  }

  async #handle(response: PublishResults, signal: AbortSignal): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#hasBegun = true;
    const { notificationMessage, availableSequenceNumbers } = response;
    const { sequenceNumber } = notificationMessage;
    this.#watchdogs.heard(performance.now());
    const arrival = this.#numbers.arrived(sequenceNumber);
    if (arrival.is === "broken" || arrival.is === "past") return this.#doNotFollow(sequenceNumber);
    if (arrival.is === "gap") await this.#fetch(arrival.missing, availableSequenceNumbers ?? [], signal);
    if (!this.#isForeign) await this.#take(notificationMessage, signal);
  }

  gone(): void {
    this.#end(isGone);
  }

  #doNotFollow(number: number): void {
    this.#end(`its messages do not follow one another: number ${number} came`);
  }

  /** Messages that did not come. One that the server does not have any more ends the subscription; what is there is taken all the same. */
  async #fetch(missing: readonly number[], available: readonly number[], signal: AbortSignal): Promise<void> {
    for (const number of missing) {
      if (this.#isForeign) return;
      const isKept = available.includes(number);
      const message = isKept ? await republish(this.#context.session, this.id, number, signal) : undefined;
      if (message === undefined) this.#end(`message ${number} was lost, and the server does not have it any more`);
      else await this.#take(message, signal);
    }
  }

  /** Every message that has come is taken through here, once and in order. */
  async #take(message: NotificationResults, signal: AbortSignal): Promise<void> {
    const { reader } = this.#context;
    const { sequenceNumber, values, clientHandles, ended } = message;
    const { items, foreignHandle } = namedItems(clientHandles, this.handles);
    if (foreignHandle !== undefined) {
      this.#isForeign = true;
      return this.#end(`a message names item ${foreignHandle}, which is none of ours`);
    }
    const rounds = roundsOf(items);
    if (rounds.length > this.#mostOfOneItem) {
      const most = `its queue holds no more than ${this.#mostOfOneItem}`;
      return this.#end(`a message has ${rounds.length} values of one node, and ${most}`);
    }
    this.#isOurs ||= items.length > 0;
    if (items.length > 0) await reader.decodeStructures(values.decoded, signal);
    const nowMs = performance.now();
    const ofPoints = rounds.map((round) =>
      round.filter((position) => this.#isOfPoint(items[position] as number, values, position, nowMs)),
    );
    const receipt = await this.#publish(ofPoints, items, values);
    if (message.isKeepAlive) this.#numbers.announced(sequenceNumber);
    else {
      this.#numbers.taken(sequenceNumber);
      this.#published.add(sequenceNumber, receipt);
    }
    // Some servers keep the farewell to the session before for the next one, too.
    const isFarewell = ended === StatusCodes.GoodSubscriptionTransferred.value && !this.#hasBegun;
    if (ended !== undefined && !isFarewell) this.#end(`the server has ended it (${statusName(ended)})`);
  }

  /** Takes note of it; what is no point's is not published. */
  #isOfPoint(item: number, values: DataValues, position: number, nowMs: number): boolean {
    if (!this.#items.states.reported(item, nowMs)) return false;
    if (item === this.#items.stateItem) requireRunning(values.at(position), this.#context.session.server);
    if (item === this.#items.clockItem && !isBad(values.at(position).statusCode.value)) this.#watchdogs.moved(nowMs);
    if (item >= this.#items.clockItem) return false;
    const status = this.#items.reported.set(item, values, position);
    const node = this.#context.nodes[item] ?? 0;
    const isNew = !isBad(status) && this.#context.reader.nodeAttributes[node]?.isReported === false;
    if (isNew) this.#appeared.add(node);
    return true;
  }

  /** The rounds are positions of values, and the items are those of the values. */
  async #publish(
    rounds: readonly (readonly number[])[],
    items: readonly number[],
    values: DataValues,
  ): Promise<Receipt> {
    const delivery = this.#context.reader.delivery(this.#context.group);
    const last = Math.max(0, rounds.length - 1);
    let turnMs = performance.now();
    let receipt: Receipt | undefined;
    for (let round = 0; round <= last; round++) {
      await this.#room();
      if (performance.now() - turnMs > longestTurnMs) {
        await nextTurn();
        turnMs = performance.now();
      }
      receipt = this.#group.publish((sink) => {
        sink.responseCame();
        if (round === last)
          for (let item = 0; item < this.#items.clockItem; item++)
            if (this.#items.states.isReporting(item)) delivery.unchanged(sink, item);
        for (const position of rounds[round] ?? [])
          delivery.deliverAt(sink, items[position] as number, values, position);
      });
    }
    return receipt as Receipt;
  }

  /** What is not taken is not published: the server keeps it, for no other message is asked for meanwhile. */
  async #room(): Promise<void> {
    const room = this.#group.room?.();
    if (room === undefined) return;
    await room;
    this.#watchdogs.excuse(performance.now());
  }

  async #lookAfter(signal: AbortSignal): Promise<void> {
    const { recheck, reader, described } = this.#context;
    recheck();
    this.#judge();
    const { nodeAttributes } = reader;
    await this.#items.lookAfter(signal);
    if (this.#appeared.size > 0) {
      await reader.describe([...this.#appeared], signal);
      this.#appeared.clear();
    }
    if (reader.nodeAttributes !== nodeAttributes) described();
  }

  #judge(): void {
    const { alias, endpointUrl } = this.#context.session.server;
    const nowMs = performance.now();
    // The clock, which is an item of ours, would have.
    if (!this.#isOurs && nowMs - this.#begunMs > this.#stillAfterMs(clockSamplingMs))
      this.#end("none of its items has reported");
    switch (this.#watchdogs.judge(nowMs)) {
      case "silent": {
        const due = `a message is due every ${Math.round(this.keepAliveMs)} ms`;
        const message = `cannot rely on the subscription at ${endpointUrl} because nothing comes although ${due}`;
        throw new ServerError("Timeout", alias, message);
      }
      case "standing still":
        return this.#end("the server's own clock stands still there: the server has stopped looking at its nodes");
      case "well":
    }
  }

  #stillAfterMs(samplingMs: number): number {
    const { timeoutMs } = this.#context.session.server;
    return 3 * Math.max(clockSamplingMs, samplingMs, this.timing.publishingMs) + this.keepAliveMs + timeoutMs;
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#alarm.ring();
  }
}
