import { test } from "node:test";
import { bridgeKilled, brokerKilled, halfOpen, outage } from "./jetstream-faults.ts";

const watchdog = { timeout: 200_000 };

test("the broker is killed at random: nothing is lost", watchdog, async (t) => {
  await brokerKilled(t, 20);
});

test("the bridge is killed at random: nothing is lost", watchdog, async (t) => {
  await bridgeKilled(t, 5);
});

test("the network goes silent, in both directions or in one: nothing is lost", watchdog, async (t) => {
  await halfOpen(t, 2);
});

test("the broker is away while much changes: what waits is drained beside what is live", watchdog, async (t) => {
  await outage(t, 10_000, { points: 100, changesPerSecond: 10_000 });
});
