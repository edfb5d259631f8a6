// Subscriptions at a real server, from their making to their taking over.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  AttributeIds,
  CreateMonitoredItemsRequest,
  DataChangeNotification,
  DataValue,
  PublishResponse,
  ReadRequest,
  RepublishRequest,
  StatusCodes,
  TransferSubscriptionsRequest,
} from "node-opcua-client";
import type { OpcUaServer } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { PeriodicRead } from "../../../../../packages/partition/src/library/periodic-read.ts";
import { OpcUaSource } from "../../../../../packages/partition/src/protocols/opcua/opcua-source.ts";
import {
  BriefSubscriptionMemory,
  type RememberedSubscription,
  type SubscriptionMemory,
} from "../../../../../packages/partition/src/protocols/opcua/subscription/subscription-memory.ts";
import { SubscriptionsFile } from "../../../../../packages/partition/src/protocols/opcua/subscription/subscriptions-file.ts";
import { KeyBook } from "../../../../../packages/partition/src/sources/key-book.ts";
import { OpcUaRig } from "../../../../plant/opcua-rig.ts";
import { addConstant, nodeNamed } from "../../../../plant/opcua-server.ts";
import {
  addSettable,
  itemAt,
  SubscribedSource,
  subscribedNode,
  subscribedServer,
} from "../../../../plant/subscribed.ts";
import { Consumer, OwnImages, recordingLog, type Document } from "../../../sources/test-source.ts";
import { sampleVariants } from "../every-variant.ts";

const watchdog = { timeout: 200_000 };
const everyChange = { samplingIntervalMs: 0, queueSize: 100 };
const valueAttribute: number = AttributeIds.Value;
const samples = sampleVariants();
const sampleName = (index: number): string => `sample ${index}`;

const set = new Map<string, (value: number) => void>();
const rig = new OpcUaRig({
  policies: [],
  build: (server) => {
    for (const name of ["a", "b", "c"]) set.set(name, addSettable(server, name));
    samples.forEach((variant, index) => addConstant(server, sampleName(index), variant));
  },
});

async function subscribedTo(
  t: TestContext,
  nodes: OpcUaServer["nodes"],
  change: Partial<OpcUaServer> = {},
  memory?: SubscriptionMemory,
): Promise<SubscribedSource> {
  const of = new SubscribedSource(subscribedServer(rig.url, { nodes, ...change }), rig.folder, memory);
  t.after(() => of.stop());
  return await of.start();
}

/** One after the other, so that the server finds each of them. */
async function count(name: string, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value++) {
    set.get(name)?.(value);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const upTo = (last: number, from = 0): number[] => Array.from({ length: last - from + 1 }, (_, place) => from + place);

test(
  "every queued change comes, in order and with its source time; an unknown node costs nothing but itself",
  watchdog,
  async (t) => {
    set.get("a")?.(0);
    const of = await subscribedTo(t, [subscribedNode("a", everyChange), subscribedNode("gone"), subscribedNode("b")]);
    await of.until("both have reported", () => of.values(0).length > 0 && of.values(2).length > 0);
    await count("a", 1, 20);
    await of.until("all changes came", () => of.values(0).at(-1) === 20);
    assert.deepEqual(of.values(0), upTo(20));
    const times = of.publications.flatMap((sink) => (sink.values.has(0) ? [sink.timestamps.get(0)?.unixMs ?? 0] : []));
    assert.deepEqual(
      times,
      times.toSorted((one, other) => one - other),
    );
    assert.ok(new Set(times).size > 10, "each has its own");
    await of.until("the unknown one was read", () => of.status(1) === StatusCodes.BadNodeIdUnknown.value);
    assert.deepEqual(of.failures, []);
    assert.match(
      of.logged.join("\n"),
      /does not monitor ns=1;s=gone .*BadNodeIdUnknown; they are read at every interval/,
    );
  },
);

test(
  "where the first message is a minute away, what is there is read before the items are made",
  watchdog,
  async (t) => {
    set.get("a")?.(7);
    const asked: string[] = [];
    const see = (request: object): void => {
      if (request instanceof CreateMonitoredItemsRequest) asked.push("items");
      if (!(request instanceof ReadRequest)) return;
      const isOfItsValue = request.nodesToRead?.some(
        ({ nodeId, attributeId }) => String(nodeId).endsWith("s=a") && attributeId === valueAttribute,
      );
      if (isOfItsValue === true) asked.push("its value");
    };
    rig.server.on("request", see);
    t.after(() => rig.server.off("request", see));
    const nodes = [subscribedNode("a", everyChange), subscribedNode("gone")];
    const subscription = { publishingIntervalMs: 60_000, quietCheckMs: 3_600_000 };
    const of = await subscribedTo(t, nodes, { intervalMs: 60_000, subscription });
    await of.until("both have been read", () => of.status(0) === 0 && of.status(1) !== undefined);
    assert.deepEqual([of.values(0)[0], of.status(1)], [7, StatusCodes.BadNodeIdUnknown.value]);
    await of.until("its items are made", () => asked.includes("items"));
    assert.deepEqual(asked.slice(0, 2), ["its value", "items"]);
    assert.deepEqual(of.failures, []);
  },
);

test(
  "of a subscription that is taken over nothing is read before what its queues hold has come",
  watchdog,
  async (t) => {
    set.get("a")?.(0);
    const subscription = { publishingIntervalMs: 3000, quietCheckMs: 3_600_000 };
    const nodes = [subscribedNode("a", everyChange)];
    const of = await subscribedTo(t, nodes, { intervalMs: 3000, subscription }, new BriefSubscriptionMemory());
    await of.until("the server reports it", () => of.publications.at(-1)?.confirmed.has(0) === true);
    await of.stop();
    await count("a", 1, 10);
    await of.start();
    await of.until("all changes came", () => of.values(0).at(-1) === 10);
    assert.deepEqual(
      of.values(0).filter((value, place, all) => value !== all[place - 1]),
      upTo(10),
    );
    assert.match(of.logged.join("\n"), /took over the subscription of the connection before/);
  },
);

test("a queue that was too short shows in the status of the value behind the gap", watchdog, async (t) => {
  const subscription = { publishingIntervalMs: 300, quietCheckMs: 60_000 };
  const change = { intervalMs: 300, subscription };
  const of = await subscribedTo(t, [subscribedNode("a", { samplingIntervalMs: 0, queueSize: 2 })], change);
  await of.until("it has reported", () => of.values(0).length > 0);
  await count("a", 101, 110);
  await of.until("the last change came", () => of.values(0).at(-1) === 110);
  const statuses = of.publications.flatMap((sink) => sink.statuses.get(0) ?? []);
  assert.ok(statuses.includes(StatusCodes.GoodWithOverflowBit.value), statuses.join(" "));
});

test("a node that appears is subscribed to without anybody's help", watchdog, async (t) => {
  const of = await subscribedTo(t, [subscribedNode("late", everyChange)]);
  await of.until("it is unknown", () => of.status(0) === StatusCodes.BadNodeIdUnknown.value);
  const setLate = addSettable(rig.server, "late", 7);
  await of.until("its value is there", () => of.values(0).includes(7));
  await of.until("the server reports it", () => of.publications.at(-1)?.confirmed.has(0) === true);
  setLate(8);
  await of.until("its change came", () => of.values(0).at(-1) === 8);
  await of.until("its name is learned", () => of.source.points[0]?.name?.reported === "1:late");
});

test("what changes while nobody is connected comes afterwards, also in the next run", watchdog, async (t) => {
  set.get("a")?.(0);
  const path = join(rig.folder, "state", "opcua_subscriptions.json");
  const { lines, log } = recordingLog();
  const file = new SubscriptionsFile(path, log);
  const nodes = [subscribedNode("a", everyChange)];
  const of = await subscribedTo(t, nodes, {}, file);
  await of.until("it has reported", () => of.values(0).length > 0);
  await of.stop();
  await count("a", 1, 10);
  await of.start();
  await of.until("all changes came", () => of.values(0).at(-1) === 10);
  assert.deepEqual(
    of.values(0).filter((value, place, all) => value !== all[place - 1]),
    upTo(10),
  );
  await of.stop();
  await file.written();
  await count("a", 11, 20);
  const next = await subscribedTo(t, nodes, {}, new SubscriptionsFile(path, log));
  await next.until("all changes came", () => next.values(0).at(-1) === 20);
  assert.deepEqual(
    next.values(0).filter((value, place, all) => value !== all[place - 1]),
    upTo(20, 10).slice(next.values(0)[0] === 10 ? 0 : 1),
  );
  assert.match(next.logged.join("\n"), /took over the subscription of the connection before/);
  assert.deepEqual([next.failures, lines], [[], []]);
});

test("a subscription of another configuration is given up, and nothing is left at the server", watchdog, async (t) => {
  const file = new SubscriptionsFile(join(rig.folder, "state", "other_subscriptions.json"), () => {});
  const subscriptions = rig.server.engine.currentSubscriptionCount;
  const of = await subscribedTo(t, [subscribedNode("a")], {}, file);
  await of.until("it has reported", () => of.values(0).length > 0);
  await of.stop();
  const other = await subscribedTo(t, [subscribedNode("a"), subscribedNode("b")], {}, file);
  await other.until("the other node has reported", () => other.values(1).length > 0);
  assert.equal(rig.server.engine.currentSubscriptionCount, subscriptions + 1);
});

test(
  "an id that is somebody else's by now brings no value of theirs, and they keep their subscription",
  watchdog,
  async (t) => {
    set.get("a")?.(1);
    set.get("b")?.(1000);
    const [memory, theirs] = [new BriefSubscriptionMemory(), new BriefSubscriptionMemory()];
    const of = await subscribedTo(t, [subscribedNode("a", everyChange)], {}, memory);
    await of.until("it has reported", () => of.values(0).length > 0);
    await of.stop();
    const other = await subscribedTo(t, [subscribedNode("b", everyChange)], {}, theirs);
    await other.until("it has reported", () => other.values(0).length > 0);
    await other.stop();
    const [own, foreign] = [remembered(memory), remembered(theirs)];
    memory.set(own.owner, { ...own.subscription, id: foreign.subscription.id });
    set.get("b")?.(1001);
    await of.start();
    await of.until("it subscribed anew", () => of.logged.join("").includes("none of ours"));
    set.get("a")?.(2);
    await of.until("its own change came", () => of.values(0).at(-1) === 2);
    assert.deepEqual(new Set(of.values(0)), new Set([1, 2]));
    assert.match(
      of.logged.join("\n"),
      /subscribes anew because .* \(a message names item \d+, which is none of ours\)/,
    );
    assert.deepEqual(of.failures, [], "it is no failure of the server");
    assert.ok(rig.server.engine.findSubscription(foreign.subscription.id), "it was deleted");
  },
);

test("a server that has been restarted is not asked for the subscription of before", watchdog, async (t) => {
  const memory = new BriefSubscriptionMemory();
  const of = await subscribedTo(t, [subscribedNode("a")], {}, memory);
  await of.until("it has reported", () => of.values(0).length > 0);
  await of.stop();
  const { owner, subscription } = remembered(memory);
  memory.set(owner, { ...subscription, serverStartMs: (subscription.serverStartMs ?? 0) - 1 });
  const transfers: unknown[] = [];
  const see = (request: unknown): void => {
    if (request instanceof TransferSubscriptionsRequest) transfers.push(request);
  };
  rig.server.on("request", see);
  t.after(() => rig.server.off("request", see));
  const values = of.values(0).length;
  await of.start();
  await of.until("it has reported again", () => of.values(0).length > values);
  assert.deepEqual(transfers, []);
  assert.match(of.logged.join("\n"), /subscribes anew because .* \(it has been restarted\)/);
});

test("a subscription of another configuration that is somebody else's by now is left alone", watchdog, async (t) => {
  const memory = new BriefSubscriptionMemory();
  const of = await subscribedTo(t, [subscribedNode("a")], {}, memory);
  await of.until("it has reported", () => of.values(0).length > 0);
  await of.stop();
  const { owner, subscription } = remembered(memory);
  memory.set(owner, { ...subscription, firstHandle: subscription.firstHandle + subscription.items });
  const changed = await subscribedTo(t, [subscribedNode("a"), subscribedNode("b")], {}, memory);
  await changed.until("the other node has reported", () => changed.values(1).length > 0);
  assert.ok(rig.server.engine.findSubscription(subscription.id), "it was deleted");
});

test(
  "a connection that dies while missed messages are fetched loses none: the next goes on where that one was",
  watchdog,
  async (t) => {
    set.get("a")?.(0);
    const of = await subscribedTo(t, [subscribedNode("a", everyChange)], {}, new BriefSubscriptionMemory());
    await of.until("it has reported", () => of.values(0).length > 0);
    let spoiled = 0;
    const spoil = (response: unknown): void => {
      if (!(response instanceof PublishResponse) || spoiled === 4 || valuesIn(response) === 0) return;
      spoiled++;
      response.responseHeader.serviceResult = StatusCodes.BadResourceUnavailable;
    };
    let asked = 0;
    const die = (request: unknown): void => {
      if (request instanceof RepublishRequest && ++asked === 2)
        for (const endpoint of rig.server.endpoints) endpoint.abruptlyInterruptChannels();
    };
    rig.server.on("response", spoil).on("request", die);
    t.after(() => rig.server.off("response", spoil).off("request", die));
    for (let value = 1; value <= 4; value++) {
      set.get("a")?.(value);
      await of.until(`message ${value} was lost`, () => spoiled === value);
    }
    set.get("a")?.(5);
    await of.ended();
    assert.equal(of.values(0).at(-1), 1, "one message was fetched");
    await of.start();
    await of.until("the last change came", () => of.values(0).at(-1) === 5);
    assert.deepEqual(
      of.values(0).filter((value, place, all) => value !== all[place - 1]),
      upTo(5),
    );
    assert.deepEqual(of.failures, []);
  },
);

test(
  "a server that has lost the subscription gets another one: counted, told, and no value is missing",
  watchdog,
  async (t) => {
    set.get("b")?.(0);
    const of = await subscribedTo(t, [subscribedNode("b", everyChange)]);
    await of.until("it has reported", () => of.values(0).length > 0);
    for (const session of rig.server.engine.getSessions())
      for (const subscription of session.publishEngine.subscriptions) session.deleteSubscription(subscription.id);
    set.get("b")?.(5);
    await of.until("the new value came", () => of.values(0).at(-1) === 5);
    assert.equal(of.failures.length, 1);
    assert.equal(of.failures[0]?.code, "ServiceFault");
    assert.match(
      of.failures[0]?.message ?? "",
      /had to be made anew because the server (?:has ended it|does not have it)/,
    );
    assert.equal(of.lost, undefined);
  },
);

test(
  "a deadband keeps small moves away; a server that cannot filter sends every change, and the log says so once",
  watchdog,
  async (t) => {
    set.get("c")?.(0);
    const deadband = { kind: "Absolute", value: 10 } as const;
    const percent = { kind: "Percent", value: 10 } as const;
    const nodes = [subscribedNode("c", { ...everyChange, deadband }), subscribedNode("b", { deadband: percent })];
    const of = await subscribedTo(t, nodes);
    await of.until("both have reported", () => of.values(0).length > 0 && of.values(1).length > 0);
    for (const value of [3, 6, 20, 25]) await count("c", value, value);
    set.get("b")?.(1);
    await of.until("the last move beyond the deadband came", () => of.values(0).includes(20));
    await of.until("every change came of the node without a range", () => of.values(1).at(-1) === 1);
    assert.deepEqual(of.values(0), [0, 20]);
    assert.match(
      of.logged.join("\n"),
      /^info every change is sent of ns=1;s=b "Display b": the server filters nothing/m,
    );
  },
);

test(
  "a value that the server does not report is found by a Read, and the subscription is made anew",
  watchdog,
  async (t) => {
    set.get("c")?.(1);
    rig.server.on("response", hide);
    t.after(() => rig.server.off("response", hide));
    const subscription = { publishingIntervalMs: 50, quietCheckMs: 100 };
    const of = await subscribedTo(t, [subscribedNode("c", everyChange)], { subscription, timeoutMs: 1500 });
    await of.until("it has reported", () => of.values(0).length > 0);
    set.get("c")?.(2);
    await of.until("that was noticed", () => of.failures.length > 0);
    assert.match(
      of.failures[0]?.message ?? "",
      /because a Read shows another value of "Display c" than the server reported/,
    );
    rig.server.off("response", hide);
    await of.until("the value is there", () => of.values(0).at(-1) === 2);
  },
);

test(
  "values that are read and values that are subscribed to are the same, in the image and in the document",
  watchdog,
  async (t) => {
    const samplesOf = (response: unknown): void => {
      if (!(response instanceof PublishResponse)) return;
      for (const data of response.notificationMessage.notificationData ?? []) {
        if (!(data instanceof DataChangeNotification)) continue;
        for (const { clientHandle, value } of data.monitoredItems ?? []) {
          const variant = samples[itemAt(rig.server, response.subscriptionId, clientHandle)];
          // Values go to the wire as they are, past the server's own opinion of what suits a variable.
          if (variant !== undefined)
            Object.assign(value, { value: variant, statusCode: StatusCodes.Good, sourceTimestamp: null });
        }
      }
    };
    rig.server.on("response", samplesOf).on("response", withoutTimes);
    t.after(() => rig.server.off("response", samplesOf).off("response", withoutTimes));
    const seen = await Promise.all(
      [nodeNamed, subscribedNode].map(async (nodeOf) => {
        const nodes = samples.map((_, index) => nodeOf(sampleName(index)));
        const { subscription, ...plain } = subscribedServer(rig.url, { nodes });
        const source = new OpcUaSource(nodeOf === nodeNamed ? plain : { ...plain, subscription }, {
          directory: rig.folder,
        });
        return await settled(t, source);
      }),
    );
    const [read, subscribed] = seen;
    assert.ok(samples.length > 100);
    assert.deepEqual(subscribed?.points, read?.points);
    assert.deepEqual(subscribed?.document, read?.document);
  },
);

test("a server may have nodes that are read and nodes that are subscribed to, in one session", watchdog, async (t) => {
  const nodes = [nodeNamed("b"), subscribedNode("c"), subscribedNode("a", {}, { intervalMs: 1000 })];
  const source = new OpcUaSource(subscribedServer(rig.url, { nodes }), { directory: rig.folder });
  assert.deepEqual(
    source.groups.map(({ name, points }) => [name, points]),
    [
      ["0.1 s", [0]],
      ["0.1 s, subscribed", [1]],
      ["1 s, subscribed", [2]],
    ],
  );
  const { document } = await settled(t, source);
  const keys = Object.keys(document);
  assert.deepEqual(keys.slice(-3), ["1:b", "1:c", "1:a"]);
});

interface Remembered {
  readonly owner: string;
  readonly subscription: RememberedSubscription;
}

/** The only one. */
function remembered({ all }: BriefSubscriptionMemory): Remembered {
  const [entry] = all;
  assert.ok(entry !== undefined, "none is remembered");
  return { owner: entry[0], subscription: entry[1] };
}

/** Image and document of a source when every sample is there, whatever its length. */
async function settled(t: TestContext, source: OpcUaSource): Promise<{ points: unknown; document: Document }> {
  const { log } = recordingLog();
  const [consumer, images] = [new Consumer(), new OwnImages()];
  consumer.capacityBytes = 10_000_000;
  const reading = await PeriodicRead.create({
    service: "opcua",
    sources: [source],
    intervalMs: 100,
    targets: [consumer],
    image: images,
    started: new Map(),
    keys: new KeyBook(log),
    log,
  });
  const ended = reading.run();
  t.after(async () => {
    reading.stop();
    await ended;
  });
  const pointsNow = (): readonly unknown[] => {
    const snapshot = images.reader.snapshot(0);
    return Array.from(snapshot?.points ?? [], ({ key }, index) => [
      key,
      snapshot?.status(index),
      snapshot?.value(index),
    ]);
  };
  const isSettled = (): boolean => source.groups.every((_, group) => isGroupSettled(group));
  const isGroupSettled = (group: number): boolean => {
    const snapshot = images.reader.snapshot(group);
    const unsettled = new Set([
      StatusCodes.BadWaitingForInitialData.value,
      StatusCodes.BadEncodingLimitsExceeded.value,
    ]);
    return snapshot?.points.every((_, index) => !unsettled.has(snapshot.status(index))) === true;
  };
  await consumer.until(isSettled);
  const documents = consumer.documents.length;
  const document = await consumer.until(() => consumer.documents.length > documents + 2 && isSettled());
  return { points: pointsNow(), document };
}

/** Of the first item. */
function valuesIn({ subscriptionId, notificationMessage }: PublishResponse): number {
  const data = notificationMessage.notificationData ?? [];
  const items = data.flatMap((one) => (one instanceof DataChangeNotification ? (one.monitoredItems ?? []) : []));
  return items.filter(({ clientHandle }) => itemAt(rig.server, subscriptionId, clientHandle) === 0).length;
}

function hide(response: unknown): void {
  if (!(response instanceof PublishResponse)) return;
  for (const data of response.notificationMessage.notificationData ?? []) {
    if (!(data instanceof DataChangeNotification)) continue;
    data.monitoredItems = (data.monitoredItems ?? []).filter(
      ({ clientHandle, value }) =>
        itemAt(rig.server, response.subscriptionId, clientHandle) !== 0 || value.value.value === 1,
    );
  }
}

function withoutTimes(response: unknown): void {
  const { results } = response as { results?: unknown };
  if (Array.isArray(results))
    for (const result of results) if (result instanceof DataValue) result.sourceTimestamp = null;
}
