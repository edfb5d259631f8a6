// What a subscription makes of its messages, whatever the line and the server do to them: every change once and in order, or the subscription
// says that it cannot be relied on. And the pure parts that decide it.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  DataChangeNotification,
  DataType,
  DataValue,
  MonitoredItemNotification,
  NotificationMessage,
  PublishResponse,
  RepublishRequest,
  RepublishResponse,
  StatusChangeNotification,
  StatusCodes,
  Variant,
} from "node-opcua-client";
import type { StatusCode } from "node-opcua-client";
import { ClientHandles } from "../../../../../packages/partition/src/protocols/opcua/subscription/client-handles.ts";
import { ItemStates } from "../../../../../packages/partition/src/protocols/opcua/subscription/item-states.ts";
import type { SubscriptionContext } from "../../../../../packages/partition/src/protocols/opcua/subscription/item-care.ts";
import { LiveSubscription } from "../../../../../packages/partition/src/protocols/opcua/subscription/live-subscription.ts";
import { PublishRequests } from "../../../../../packages/partition/src/protocols/opcua/subscription/publish-requests.ts";
import { ReportedValues } from "../../../../../packages/partition/src/protocols/opcua/subscription/reported-values.ts";
import {
  mostMissing,
  SequenceNumbers,
} from "../../../../../packages/partition/src/protocols/opcua/subscription/sequence-numbers.ts";
import {
  itemTiming,
  keepAliveMs,
  requestedTiming,
  revisedTiming,
} from "../../../../../packages/partition/src/protocols/opcua/subscription/subscription-timing.ts";
import { Watchdogs } from "../../../../../packages/partition/src/protocols/opcua/subscription/watchdogs.ts";
import { ValueDelivery } from "../../../../../packages/partition/src/protocols/opcua/value-delivery.ts";
import type { OpcUaServer } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { ServerError } from "../../../../../packages/partition/src/sources/server-error.ts";
import type { GroupReports } from "../../../../../packages/partition/src/sources/source.ts";
import {
  PublishResults,
  RepublishResults,
} from "../../../../../packages/partition/src/protocols/opcua/channel/notification-results.ts";
import { dataValuesOf, decodedAs } from "../../../../plant/decoded-in-place.ts";
import { never } from "../../../../plant/opcua-server.ts";
import { plainItem, subscribedNode, subscribedServer } from "../../../../plant/subscribed.ts";
import { RecordingSink } from "../../../../plant/recording-sink.ts";

const largest = 0xffff_ffff;
const forward = (number: number, by: number): number => ((number - 1 + by) % largest) + 1;

test("numbers that follow one another are taken, whatever the first is, and 1 comes after the largest", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: largest }), fc.array(fc.boolean(), { maxLength: 50 }), (first, messages) => {
      const numbers = new SequenceNumbers();
      let at = first;
      for (const isKeepAlive of messages) {
        assert.equal(numbers.arrived(at).is, "next");
        if (isKeepAlive) numbers.announced(at);
        else {
          numbers.taken(at);
          at = forward(at, 1);
        }
        assert.equal(numbers.expected, at);
      }
    }),
  );
});

test("what is missing is named, in order, and stays missing until it is taken; what is too much is broken, what lies behind is past", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: largest }), fc.integer({ min: 1, max: largest - 1 }), (expected, by) => {
      const numbers = new SequenceNumbers(expected);
      const arrival = numbers.arrived(forward(expected, by));
      assert.equal(numbers.expected, expected);
      if (by > mostMissing) {
        assert.equal(arrival.is, by > largest / 2 ? "past" : "broken");
        return;
      }
      assert.ok(arrival.is === "gap");
      assert.deepEqual(
        arrival.missing,
        Array.from({ length: by }, (_, place) => forward(expected, place)),
      );
      for (const number of arrival.missing) {
        assert.equal(numbers.expected, number);
        numbers.taken(number);
      }
      assert.equal(numbers.arrived(forward(expected, by)).is, "next");
    }),
  );
  assert.equal(new SequenceNumbers().arrived(0).is, "broken");
});

const handles = new ClientHandles(4_000_000_000, 4);

function value(item: number, number: number): MonitoredItemNotification {
  const variant = new Variant({ dataType: DataType.Double, value: number });
  return new MonitoredItemNotification({
    clientHandle: handles.handleOf(item),
    value: new DataValue({ value: variant }),
  });
}

function messageOf(sequenceNumber: number, values: readonly (readonly [number, number])[]): NotificationMessage {
  const monitoredItems = values.map(([item, number]) => value(item, number));
  const notificationData = values.length === 0 ? [] : [new DataChangeNotification({ monitoredItems })];
  return new NotificationMessage({ sequenceNumber, notificationData });
}

interface Taken {
  /** The number that comes next; default: any. */
  readonly nextNumber?: number | undefined;
  /** The connection dies when more messages than that are asked for again. */
  readonly republished?: number;
  /** Called with each publication. */
  readonly publishes?: () => void;
  /** Of each publication, by its number from 0 on; default: readers have it. */
  readonly receipt?: (publication: number) => boolean | undefined;
  /** As of `GroupReports`. */
  readonly room?: () => Promise<void> | undefined;
  /** Called when items and watchdogs are looked at. */
  readonly recheck?: () => void;
  readonly changes?: Partial<OpcUaServer>;
}

/** A subscription of two points that its messages are given to; `kept` is what the server keeps of them. */
function subscribed(
  kept: ReadonlyMap<number, NotificationMessage>,
  {
    nextNumber,
    republished = Infinity,
    publishes = () => {},
    receipt = () => true,
    room = () => undefined,
    recheck = () => {},
    changes = {},
  }: Taken = {},
): {
  live: LiveSubscription;
  published: RecordingSink[];
  give: (message: NotificationMessage) => Promise<void>;
  /** Numbers of messages that were asked for again. */
  asked: number[];
  group: Pick<GroupReports, "wantsAgain">;
} {
  const asked: number[] = [];
  const group: Pick<GroupReports, "wantsAgain"> = { wantsAgain: undefined };
  const nodes = [subscribedNode("a"), subscribedNode("b")];
  const server = subscribedServer("opc.tcp://127.0.0.1:4840", { nodes, ...changes });
  const delivery = new ValueDelivery([...server.nodes.entries()], () => 0);
  const published: RecordingSink[] = [];
  const session = {
    server,
    request: (request: unknown) => {
      assert.ok(request instanceof RepublishRequest);
      if (asked.push(request.retransmitSequenceNumber) > republished)
        return Promise.reject(new ServerError("ConnectionFailed", "Server", "was lost"));
      const notificationMessage = kept.get(request.retransmitSequenceNumber);
      if (notificationMessage !== undefined)
        return Promise.resolve(decodedAs(RepublishResults, new RepublishResponse({ notificationMessage })));
      const cause = { statusCode: StatusCodes.BadMessageNotAvailable };
      return Promise.reject(new ServerError("ServiceFault", "Server", "cannot", { cause }));
    },
  };
  const context = {
    session,
    reader: {
      nodeAttributes: [],
      rereadings: 0,
      decodeStructures: () => Promise.resolve(),
      read: async () => {
        await new Promise(setImmediate);
        throw new ServerError("Stopped", "Server", "cannot read because it was stopped");
      },
      delivery: () => delivery,
    },
    requests: new PublishRequests(session as never),
    nodes: [0, 1],
    group: 0,
    recheck,
    reports: {
      groups: [
        Object.assign(group, {
          room,
          publish: (fill: (sink: RecordingSink) => void) => {
            const sink = new RecordingSink();
            fill(sink);
            published.push(sink);
            publishes();
            const number = published.length - 1;
            return () => receipt(number);
          },
        }),
      ],
    },
  } as unknown as SubscriptionContext;
  const timing = requestedTiming(server);
  const live = new LiveSubscription(context, { id: 1, timing, handles }, new SequenceNumbers(nextNumber), true);
  const give = async (notificationMessage: NotificationMessage): Promise<void> => {
    const availableSequenceNumbers = [...kept.keys()];
    const response = new PublishResponse({ subscriptionId: 1, availableSequenceNumbers, notificationMessage });
    await live.message(decodedAs(PublishResults, response), never);
  };
  return { live, published, give, asked, group };
}

function seen(published: readonly RecordingSink[], item: number): unknown[] {
  return published.flatMap((sink) => (sink.values.has(item) ? [sink.value(item)] : []));
}

/** Of each message: the numbers of values of both items, and what becomes of it. */
const fate = fc.record({
  a: fc.integer({ min: 0, max: 4 }),
  b: fc.integer({ min: 0, max: 4 }),
  becomes: fc.constantFrom("arrives", "arrives", "arrives", "lost", "lost for good", "keep-alive first"),
});

test("whatever messages are lost: every change is published once and in order, or the subscription ends and says why", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: largest }), fc.array(fate, { maxLength: 25 }), async (first, fates) => {
      const kept = new Map<number, NotificationMessage>();
      const { live, published, give } = subscribed(kept);
      const sent: [number[], number[]] = [[], []];
      const lost: [Set<number>, Set<number>] = [new Set(), new Set()];
      let number = first;
      await give(messageOf(first, [])); // tells where the numbers begin
      for (const { a, b, becomes } of [...fates, { a: 1, b: 1, becomes: "arrives" }]) {
        const values = [a, b].flatMap((count, item) =>
          Array.from({ length: count }, (): [number, number] => {
            const next = (sent[item] as number[]).length;
            (sent[item] as number[]).push(next);
            return [item, next];
          }),
        );
        if (values.length === 0) continue;
        const message = messageOf(number, values);
        if (becomes === "keep-alive first") await give(messageOf(number, []));
        if (becomes !== "lost for good") kept.set(number, message);
        else for (const [item, one] of values) (lost[item] as Set<number>).add(one);
        number = forward(number, 1);
        if (!becomes.startsWith("lost")) await give(message);
      }
      const reason = await Promise.race([live.keep(AbortSignal.abort()), Promise.resolve("")]);
      const isLostForGood = lost.some(({ size }) => size > 0);
      for (const item of [0, 1]) {
        const values = seen(published, item);
        const there = (sent[item] as number[]).filter((one) => lost[item]?.has(one) === false);
        // Nothing twice, nothing left out, nothing out of order.
        assert.deepEqual(values, there.slice(0, values.length));
        if (!isLostForGood) assert.equal(values.length, there.length);
      }
      assert.equal(reason !== "", isLostForGood);
    }),
    { numRuns: 200 },
  );
});

test("whatever connections die while missed messages are fetched: the next goes on where that one was, and what is lost is told", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: largest }),
      fc.array(fc.constantFrom(true, true, true, false), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 }),
      async (first, areKept, deaths) => {
        const numberOf = (place: number): number => forward(first, place + 1);
        const kept = new Map(
          areKept.flatMap((isKept, place) =>
            isKept ? [[numberOf(place), messageOf(numberOf(place), [[0, place]])] as const] : [],
          ),
        );
        const values: unknown[] = [];
        const reasons: string[] = [];
        let nextNumber: number | undefined = numberOf(0);
        let isOver = false;
        const connect = async (republished: number, isTakenOver: boolean): Promise<void> => {
          const { live, published, give } = subscribed(kept, { nextNumber, republished });
          try {
            if (isTakenOver) await live.catchUp([...kept.keys()], never);
            // What comes by itself names all that came before.
            await give(messageOf(numberOf(areKept.length), [[0, areKept.length]]));
            isOver = true;
          } catch (error) {
            assert.ok(error instanceof ServerError && error.code === "ConnectionFailed");
          }
          nextNumber = live.nextNumber ?? undefined;
          values.push(...seen(published, 0));
          if (live.ended !== undefined) {
            reasons.push(live.ended);
            isOver = true;
          }
        };
        for (const [turn, republished] of [...deaths, Infinity].entries()) {
          await connect(republished, turn > 0);
          if (isOver) break;
        }
        const hasLost = areKept.includes(false);
        assert.deepEqual(
          values,
          [...values].toSorted((one, other) => Number(one) - Number(other)),
        );
        assert.equal(new Set(values).size, values.length, "nothing twice");
        assert.equal(reasons.length, hasLost ? 1 : 0);
        if (!hasLost) assert.deepEqual(values, [...areKept.keys(), areKept.length]);
      },
    ),
    { numRuns: 200 },
  );
});

test("a message is acknowledged when readers have all of it, once, and in its turn", async () => {
  const known: (boolean | undefined)[] = [];
  const { live, give } = subscribed(new Map(), { receipt: (publication) => known[publication] });
  await give(messageOf(7, [[0, 1]]));
  await give(messageOf(8, []));
  await give(
    messageOf(8, [
      [0, 2],
      [0, 3],
    ]),
  );
  await give(messageOf(9, [[1, 4]]));
  assert.deepEqual(live.takeShown(), []);
  assert.equal(live.nextNumber, 10, "what is on its way is not asked for again");
  // Publications: 7, the keep-alive, both of 8, 9.
  known.splice(0, 3, true, true, true);
  assert.deepEqual([live.takeShown(), live.takeShown()], [[7], []]);
  known[4] = true;
  assert.deepEqual(live.takeShown(), []);
  known[3] = true;
  assert.deepEqual([live.takeShown(), live.takeShown()], [[8, 9], []]);
  assert.equal(live.nextNumber, 10);
});

test("the next session begins with the first message that readers do not have, and what only was not acknowledged is", async () => {
  const first = subscribed(new Map(), { receipt: (publication) => publication < 2 });
  for (const number of [1, 2, 3, 4]) await first.give(messageOf(number, [[0, number]]));
  const { nextNumber } = first.live;
  assert.equal(nextNumber, 3);
  const kept = new Map([2, 3, 4].map((number) => [number, messageOf(number, [[0, number]])]));
  const next = subscribed(kept, { nextNumber: nextNumber ?? undefined });
  await next.live.catchUp([...kept.keys()], never);
  assert.deepEqual(seen(next.published, 0), [3, 4]);
  assert.deepEqual(next.live.takeShown(), [2, 3, 4]);
});

test("messages that a server has kept are taken in their order, in whatever order it names them", async () => {
  const numbers = [largest - 1, largest, 1, 2, 3];
  const named = [3, largest, 1, 1, largest - 1, 2];
  const kept = new Map(named.map((number) => [number, messageOf(number, [[0, number]])]));
  for (const nextNumber of [undefined, largest - 1]) {
    const { live, published } = subscribed(kept, { nextNumber });
    await live.catchUp(named, never);
    assert.deepEqual(seen(published, 0), numbers);
    assert.equal(live.ended, undefined);
    assert.equal(live.nextNumber, 4);
  }
});

test("nothing of a message is published while the thread that takes it is behind", async () => {
  const hasRoom = Promise.withResolvers<void>();
  const { published, give } = subscribed(new Map(), { room: () => hasRoom.promise });
  const given = give(messageOf(1, [[0, 1]]));
  await new Promise(setImmediate);
  assert.equal(published.length, 0);
  hasRoom.resolve();
  await given;
  assert.deepEqual(seen(published, 0), [1]);
});

test("a server is not silent because nothing was taken of it", async () => {
  const stop = new AbortController();
  const silentForMs = 500;
  const begunMs = performance.now();
  const looks: number[] = [];
  const { live } = subscribed(new Map(), {
    // Something is due every 20 ms.
    changes: { intervalMs: 10, timeoutMs: 10 },
    room: async () => {
      while (performance.now() < begunMs + silentForMs) await new Promise(setImmediate);
    },
    recheck: () => {
      looks.push(performance.now() - begunMs);
      setImmediate(() => stop.abort());
    },
  });
  assert.ok(live.keepAliveMs < silentForMs / 2);
  assert.equal(await live.keep(stop.signal), "");
  assert.ok((looks[0] ?? 0) >= silentForMs, "it waits for room itself");
});

function strangersMessage(sequenceNumber: number): NotificationMessage {
  const stranger = new MonitoredItemNotification({ clientHandle: 0, value: double(7) });
  const notificationData = [new DataChangeNotification({ monitoredItems: [value(0, 1), stranger] })];
  return new NotificationMessage({ sequenceNumber, notificationData });
}

test("a message of somebody else's subscription is not shown, and the subscription is not ours to delete", async () => {
  const { live, published, give } = subscribed(new Map());
  await give(strangersMessage(1));
  assert.deepEqual([published.length, live.isOurs, live.isForeign], [0, false, true]);
  assert.match(await live.keep(never), /names item 0, which is none of ours/);
});

test("when a message that was missing is somebody else's, no other one is asked for or shown", async () => {
  const kept = new Map([5, 6].map((number) => [number, strangersMessage(number)]));
  for (const last of [messageOf(7, []), messageOf(7, [[0, 7]])]) {
    const { live, published, give, asked } = subscribed(kept, { nextNumber: 4 });
    await give(messageOf(4, [[0, 4]]));
    await give(last);
    assert.deepEqual([asked, published.length, live.isForeign], [[5], 1, true]);
  }
});

test("a message after the end is not shown: what it brings comes with the next subscription", async () => {
  const { live, published, give } = subscribed(new Map());
  await give(messageOf(5, [[0, 1]]));
  await give(messageOf(4, [[0, 2]]));
  assert.match(live.ended ?? "", /do not follow one another: number 4 came/);
  await give(messageOf(6, [[0, 3]]));
  await give(messageOf(7, []));
  assert.equal(published.length, 1);
});

test("kept messages that cannot follow one another end it before any behind the gap is shown", async () => {
  const kept = new Map([7, 5000].map((number) => [number, messageOf(number, [[0, number]])]));
  const { live, published, asked } = subscribed(kept, { nextNumber: 7 });
  await live.catchUp([...kept.keys()], never);
  assert.match(live.ended ?? "", /do not follow one another: number 5000 came/);
  assert.deepEqual([seen(published, 0), asked], [[7], [7]]);
});

function farewell(sequenceNumber: number): NotificationMessage {
  const ended = new StatusChangeNotification({ status: StatusCodes.GoodSubscriptionTransferred });
  return new NotificationMessage({ sequenceNumber, notificationData: [ended] });
}

test("the server's farewell to the session before, which it has kept, does not end the subscription of this one", async () => {
  const kept = new Map([
    [5, farewell(5)],
    [6, messageOf(6, [[0, 1]])],
  ]);
  const { live, published, give, asked } = subscribed(kept);
  await live.catchUp([...kept.keys()], never);
  assert.deepEqual([live.ended, seen(published, 0), asked], [undefined, [1], [5, 6]]);
  assert.deepEqual(live.takeShown(), [5, 6], "without values it is a message all the same");
  await give(farewell(7));
  assert.match(live.ended ?? "", /has ended it \(GoodSubscriptionTransferred\)/);
});

test(
  "values that could not be shown are read again as soon as they can be, and nobody asks for that afterwards",
  { timeout: 20_000 },
  async () => {
    const { live, group } = subscribed(new Map());
    const kept = live.keep(never);
    group.wantsAgain?.();
    await assert.rejects(kept, /cannot read because it was stopped/);
    assert.equal(group.wantsAgain, undefined);
  },
);

test("a message that proves nothing leaves it open whose subscription it is", async () => {
  const { live, give } = subscribed(new Map());
  await give(messageOf(1, []));
  assert.equal(live.isOurs, false);
  await give(messageOf(1, [[0, 1]]));
  assert.deepEqual([live.isOurs, live.isForeign], [true, false]);
});

function valuesOfFirst(count: number): readonly (readonly [number, number])[] {
  return Array.from({ length: count }, (_, place) => [0, place]);
}

test("many values of one node are published in turns of the event loop, and more than were asked for not at all", async () => {
  const turnMs = 6;
  let turns = 0;
  let isRunning = true;
  const turn = (): void => {
    turns++;
    if (isRunning) setImmediate(turn);
  };
  setImmediate(turn);
  const busy = (): void => {
    for (const endMs = performance.now() + turnMs; performance.now() < endMs;);
  };
  const { live, published, give } = subscribed(new Map(), { publishes: busy });
  await give(messageOf(1, valuesOfFirst(20)));
  isRunning = false;
  assert.deepEqual(
    seen(published, 0),
    valuesOfFirst(20).map(([, number]) => number),
  );
  assert.ok(turns >= 19, `${turns} turns`);
  await give(messageOf(2, valuesOfFirst(100_000)));
  assert.equal(published.length, 20);
  assert.match(
    await live.keep(never),
    /a message has 100000 values of one node, and its queue holds no more than 1000/,
  );
});

test("a message confirms every item that reports, and no other", async () => {
  const { published, give } = subscribed(new Map());
  await give(messageOf(1, [[0, 5]]));
  await give(messageOf(2, []));
  assert.deepEqual([...(published.at(-1)?.confirmed ?? [])], [0]);
  assert.equal(published.at(-1)?.values.size, 0);
});

test("values of one item in one message are publications of their own, with those of others at the same place beside them", async () => {
  const { published, give } = subscribed(new Map());
  const message = [
    [0, 1],
    [1, 10],
    [0, 2],
    [0, 3],
    [1, 20],
  ] as const;
  await give(messageOf(1, message));
  assert.deepEqual(
    published.map((sink) => [sink.value(0), sink.value(1)]),
    [
      [1, 10],
      [2, 20],
      [3, undefined],
    ],
  );
});

test("the server's word that it has ended the subscription is heard", async () => {
  const { live, give } = subscribed(new Map());
  const ended = new StatusChangeNotification({ status: StatusCodes.BadTimeout });
  await give(new NotificationMessage({ sequenceNumber: 1, notificationData: [ended] }));
  assert.match(await live.keep(never), /has ended it \(BadTimeout\)/);
});

test("an item is asked for, waits, reports; one that does not is overdue, and one that is refused is asked for again", () => {
  const states = new ItemStates(3);
  assert.deepEqual(states.due(0), [0, 1, 2]);
  states.created(0, 7, 0);
  states.refused(1, 0x80340000, 1000);
  states.created(2, 8, 0);
  assert.equal(states.reported(0, 10), true);
  assert.equal(states.reported(1, 10), false, "nobody waits for it");
  assert.deepEqual([states.due(999), states.due(1000)], [[], [1]]);
  assert.deepEqual([states.overdue(100, 100), states.overdue(101, 100)], [[], [2]]);
  assert.deepEqual(states.refusedItems, [1]);
  assert.deepEqual(
    [0, 1, 2].map((item) => states.isReporting(item)),
    [true, false, false],
  );
});

test("every quiet item gets its turn, however few are looked at", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), (count, most) => {
      const states = new ItemStates(count);
      for (let item = 0; item < count; item++) {
        states.created(item, item, 0);
        states.reported(item, 0);
      }
      const looked = new Set<number>();
      for (let round = 0; round < Math.ceil(count / most); round++)
        for (const item of states.quiet(100, 100, most)) looked.add(item);
      assert.equal(looked.size, count);
      assert.deepEqual(states.quiet(99, 100, most), [], "not quiet for long enough");
    }),
  );
});

test("a suspicion is cleared by its report or by a Read, and lasts otherwise", () => {
  const states = new ItemStates(3);
  for (const item of [0, 1, 2]) {
    states.created(item, item, 0);
    states.reported(item, 0);
    states.suspected(item, 100);
  }
  states.reported(0, 150);
  states.clearSuspicion(1);
  assert.deepEqual(states.forgotten(400, 300), []);
  assert.deepEqual(states.forgotten(401, 300), [2]);
  states.suspected(0, 120);
  assert.deepEqual(states.forgotten(1000, 300), [2], "it reported after that Read was sent");
});

function double(number: number, statusCode: StatusCode = StatusCodes.Good): DataValue {
  return new DataValue({ statusCode, value: new Variant({ dataType: DataType.Double, value: number }) });
}

function text(words: string): DataValue {
  return new DataValue({ value: new Variant({ dataType: DataType.String, value: words }) });
}

test("a Read is held against what was reported: the value within the deadband, the status without what it says of the queue", () => {
  const reported = new ReportedValues(1);
  reported.set(0, dataValuesOf(double(5, StatusCodes.GoodWithOverflowBit)), 0);
  assert.equal(reported.agrees(0, double(5), plainItem), true);
  assert.equal(reported.agrees(0, double(5.5), plainItem), false);
  assert.equal(reported.agrees(0, double(5.5), { ...plainItem, deadband: { kind: "Absolute", value: 0.5 } }), true);
  assert.equal(reported.agrees(0, double(6), { ...plainItem, deadband: { kind: "Absolute", value: 0.5 } }), false);
  assert.equal(reported.agrees(0, double(6), { ...plainItem, trigger: "Status" }), true);
  assert.equal(reported.agrees(0, double(5, StatusCodes.BadSensorFailure), plainItem), false);
  reported.set(0, dataValuesOf(double(Number.NaN)), 0);
  assert.equal(reported.agrees(0, double(Number.NaN), plainItem), true);
  reported.set(0, dataValuesOf(text("on")), 0);
  assert.deepEqual(
    [reported.agrees(0, text("on"), plainItem), reported.agrees(0, text("off"), plainItem)],
    [true, false],
  );
});

test("each watchdog sees what the other does not, and a clock that never moved is not watched", () => {
  const watch = new Watchdogs(0, 1000, 3000);
  assert.deepEqual([watch.judge(1000), watch.judge(1001)], ["well", "silent"]);
  watch.heard(9000);
  assert.equal(watch.judge(9500), "well", "the clock has not reported yet");
  watch.moved(9500);
  watch.heard(12_500);
  assert.equal(watch.judge(12_500), "well");
  assert.equal(watch.judge(12_501), "standing still");
  watch.stillAfter(Number.NaN);
  assert.equal(watch.judge(12_501), "standing still", "the server states no number");
  watch.stillAfter(5000);
  assert.equal(watch.judge(12_501), "well", "the server looks at it less often");
  watch.excuse(30_000);
  assert.deepEqual([watch.judge(31_000), watch.judge(31_001)], ["well", "silent"]);
  watch.heard(35_001);
  assert.equal(watch.judge(35_001), "standing still");
  const unmoved = new Watchdogs(0, 1000, 3000);
  unmoved.excuse(5000);
  unmoved.heard(9000);
  assert.equal(unmoved.judge(9000), "well");
});

test("the answer of a server with days between two messages is waited for as long as a timer can count", async () => {
  const dayMs = 86_400_000;
  const server = subscribedServer("opc.tcp://127.0.0.1:4840", { intervalMs: dayMs, timeoutMs: dayMs });
  const stop = new AbortController();
  const waitsMs: number[] = [];
  const session = {
    server,
    request: (_request: unknown, _kind: unknown, { timeoutMs }: { readonly timeoutMs: number }) => {
      waitsMs.push(timeoutMs);
      stop.abort();
      return Promise.reject(new ServerError("Stopped", "Server", "cannot go on because it was stopped"));
    },
  };
  const requests = new PublishRequests(session as never);
  const timing = revisedTiming(requestedTiming(server), dayMs, 1000);
  requests.add({
    id: 1,
    keepAliveMs: keepAliveMs(timing),
    message: () => Promise.resolve(),
    takeShown: () => [],
    gone: () => {},
  });
  await requests.run(stop.signal);
  // The library counts a second longer.
  assert.ok(waitsMs.length > 0 && waitsMs.every((waitMs) => waitMs > 10 * dayMs && waitMs + 1000 < 2 ** 31));
});

test("a subscription says that it is there as often as polls would, and stays at the server for a minute", () => {
  const server = subscribedServer("opc.tcp://127.0.0.1:4840");
  const of = (intervalMs: number, publishingIntervalMs: number | undefined) => {
    const timing = requestedTiming({ ...server, intervalMs, subscription: { publishingIntervalMs, quietCheckMs: 1 } });
    return [
      timing.publishingMs,
      timing.keepAliveCount,
      keepAliveMs(timing),
      timing.lifetimeCount * timing.publishingMs,
    ];
  };
  assert.deepEqual(of(1000, 100), [100, 10, 1000, 60_000]);
  assert.deepEqual(of(1000, undefined), [1000, 1, 1000, 60_000]);
  assert.deepEqual(of(50_000, undefined), [50_000, 1, 50_000, 150_000]);
  const asked = requestedTiming(server);
  assert.deepEqual(revisedTiming(asked, Number.NaN, 0), asked, "a server that says nothing sensible");
  assert.equal(revisedTiming(asked, 200, 3).publishingMs, 200);
});

test("a queue has room for twice what the server can find between two messages", () => {
  assert.deepEqual(itemTiming(plainItem, 1000), { samplingMs: 1000, queueSize: 2 });
  assert.deepEqual(itemTiming({ ...plainItem, samplingIntervalMs: 100 }, 1000), { samplingMs: 100, queueSize: 20 });
  assert.equal(itemTiming({ ...plainItem, samplingIntervalMs: 0 }, 86_400_000).queueSize, 10_000);
  assert.equal(itemTiming({ ...plainItem, samplingIntervalMs: 100, queueSize: 3 }, 1000).queueSize, 3);
});
