// An OPC UA server whose subscription ends, forgets or falls silent.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { DataChangeNotification, MonitoringMode, PublishResponse, StatusCodes } from "node-opcua-client";
import type { Response } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { itemAt } from "../plant/subscribed.ts";
import { fault } from "./fault.ts";
import { neighbourOfFile, OpcUaScene, slackMs, Victim } from "./opcua-scene.ts";

const neighbour = neighbourOfFile("usual");
const points = 2;
const quietCheckMs = 1000;
const subscribed =
  "<acquisition>subscribe</acquisition><publishingInterval>0.05</publishingInterval>" +
  `<quietCheckInterval>${quietCheckMs / 1000}</quietCheckInterval>`;

type Subscription = ReturnType<OPCUAServer["engine"]["getSessions"]>[number]["publishEngine"]["subscriptions"][number];

interface SubscriptionCase {
  readonly trigger: string;
  readonly holds: string;
  /** How old values may become that look good: what the server does cannot be seen sooner. */
  readonly oldestGoodMs?: number;
  readonly does: (victim: Victim) => Promise<void> | void;
  /** What status says of it; absent: nothing. */
  readonly because?: RegExp;
}

const cases: readonly SubscriptionCase[] = [
  {
    trigger: "a subscription dies alone",
    holds: "another one is made, status counts that, and the connection stays",
    does: (victim) => {
      for (const session of victim.server.engine.getSessions())
        for (const { id } of session.publishEngine.subscriptions) session.deleteSubscription(id);
    },
    because: /made anew because the server (?:has ended it|does not have it any more)/,
  },
  {
    trigger: "it sends keep-alives and looks at no node any more",
    holds: "its clock, which is subscribed to, or a Read gives it away, and another subscription brings the values",
    oldestGoodMs: 8000,
    does: (victim) => {
      for (const { subscription, items } of itemsOf(victim))
        for (const item of items) subscription.getMonitoredItem(item.id)?.setMonitoringMode(MonitoringMode.Disabled);
    },
    because: /made anew because (?:the server's own clock stands still there|a Read shows another value)/,
  },
  {
    trigger: "the items of its points vanish, and its clock goes on",
    holds: "a Read shows it, and another subscription brings the values",
    oldestGoodMs: 8000,
    does: (victim) => {
      for (const { subscription, items } of itemsOf(victim))
        for (const { id, item } of items) if (item < points) subscription.removeMonitoredItem(id);
    },
    because: /a Read shows another value of ".*" and 1 other nodes than the server reported/,
  },
  {
    trigger: "its sequence numbers jump",
    holds: "what is missing cannot be named, so another subscription is made, and the connection stays",
    does: (victim) => once(victim, ({ notificationMessage }) => (notificationMessage.sequenceNumber += 100_000)),
    because: /its messages do not follow one another: number \d+ came/,
  },
  {
    trigger: "it says that there are too many Publish requests",
    holds: "it gets fewer, the message that was lost by that comes again, and no value is missing",
    does: (victim) =>
      once(victim, ({ responseHeader }) => (responseHeader.serviceResult = StatusCodes.BadTooManyPublishRequests)),
  },
  {
    trigger: "it sends keep-alives in place of every message",
    holds: "its clock gives it away, another subscription is made, and meanwhile the values are read",
    oldestGoodMs: 8000,
    does: (victim) => {
      const numbers = new Map<number, number>();
      victim.alter = (response) => {
        if (!(response instanceof PublishResponse)) return;
        const { subscriptionId, notificationMessage } = response;
        const { sequenceNumber } = notificationMessage;
        // A keep-alive has the number of the message that comes next, which never comes.
        if (!numbers.has(subscriptionId)) numbers.set(subscriptionId, sequenceNumber);
        notificationMessage.sequenceNumber = numbers.get(subscriptionId) ?? sequenceNumber;
        notificationMessage.notificationData = [];
      };
    },
    because: /made anew because (?:the server's own clock stands still there|a Read shows another value)/,
  },
  {
    trigger: "a message has 1500 values of one node",
    holds: "nothing of it is shown, another subscription is made, and the connection stays",
    does: (victim) =>
      once(victim, (response) => {
        for (const data of dataIn(response)) repeatFirst(data, 1500);
      }),
    because: /made anew because a message has 1500 values of one node, and its queue holds no more than 1000/,
  },
  {
    trigger: "its clock jumps to another year and back",
    holds: "nothing happens: what the clock shows does not matter",
    does: (victim) => {
      victim.alter = (response) => {
        if (!(response instanceof PublishResponse)) return;
        for (const { clientHandle, value } of changesIn(response))
          if (itemAt(victim.server, response.subscriptionId, clientHandle) === points)
            value.value.value = new Date(Math.random() > 0.5 ? 0 : 4e12);
      };
    },
  },
];

for (const { trigger, holds, oldestGoodMs, does, because } of cases) {
  fault({
    area: "OPC UA server",
    trigger: `subscribed to, ${trigger}`,
    holds,
    run: async (t) => {
      const { victim, scene } = await subscribedScene(t);
      if (oldestGoodMs !== undefined) scene.partition.witness.rule({ oldestGoodMs: oldestGoodMs + slackMs });
      await does(victim);
      if (because === undefined) {
        const enough = scene.cycles + 50;
        await scene.partition.until("messages went on", () => scene.cycles > enough);
        assert.equal(scene.failures("ServiceFault"), 0);
      } else await scene.shows("ServiceFault", because);
      await scene.recovers();
      assert.equal(scene.reconnects, 0);
      await scene.ends(victim);
    },
  });
}

fault({
  area: "OPC UA server",
  trigger: "subscribed to, it restarts and has other ids",
  holds: "the values are bad at once, and good with another subscription without anybody's help",
  run: async (t) => {
    const { victim, scene } = await subscribedScene(t);
    await victim.comesBack();
    await scene.partition.untilBad("victim");
    await scene.recovers();
    await scene.ends(victim);
  },
});

fault({
  area: "OPC UA server",
  trigger: "subscribed to, it answers no Publish request any more",
  holds: "the values are bad after the keep-alive time and the time-out, and come back with another session",
  run: async (t) => {
    const { victim, scene } = await subscribedScene(t);
    const [session] = victim.server.engine.getSessions();
    for (const subscription of session?.publishEngine.subscriptions ?? []) {
      const stopTimer: unknown = Reflect.get(subscription, "_stop_timer");
      assert.ok(typeof stopTimer === "function");
      stopTimer.call(subscription);
    }
    await scene.isFailing("Timeout", /because nothing comes although a message is due every 100 ms/);
    await scene.recovers();
    await scene.partition.end();
  },
});

async function subscribedScene(t: TestContext): Promise<{ victim: Victim; scene: OpcUaScene }> {
  const victim = await Victim.start(t, points);
  const scene = new OpcUaScene(t, { victim, neighbour: neighbour(), points, xml: { settings: subscribed } });
  await scene.isHealthy();
  return { victim, scene };
}

interface ServerItem {
  readonly id: number;
  /** Its place: those of the points come first. */
  readonly item: number;
}

function itemsOf({ server }: Victim): readonly { subscription: Subscription; items: readonly ServerItem[] }[] {
  return server.engine.getSessions().flatMap(({ publishEngine }) =>
    publishEngine.subscriptions.map((subscription) => {
      const { serverHandles, clientHandles } = subscription.getMonitoredItems();
      const first = Math.min(...clientHandles);
      const items = Array.from(serverHandles, (id, place) => ({ id, item: (clientHandles[place] ?? 0) - first }));
      return { subscription, items };
    }),
  );
}

function changesIn(response: Response) {
  return dataIn(response).flatMap(({ monitoredItems }) => monitoredItems ?? []);
}

function dataIn(response: Response): readonly DataChangeNotification[] {
  if (!(response instanceof PublishResponse)) return [];
  const data = response.notificationMessage.notificationData ?? [];
  return data.filter((one) => one instanceof DataChangeNotification);
}

function repeatFirst(data: DataChangeNotification, length: number): void {
  const [first] = data.monitoredItems ?? [];
  if (first !== undefined) data.monitoredItems = Array.from({ length }, () => first);
}

/** Changes the next message that has content. */
function once(victim: Victim, change: (response: PublishResponse) => unknown): void {
  victim.alter = (response) => {
    if (!(response instanceof PublishResponse) || changesIn(response).length === 0) return;
    victim.alter = undefined;
    change(response);
  };
}
