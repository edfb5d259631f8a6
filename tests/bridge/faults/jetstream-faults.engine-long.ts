import { test } from "node:test";
import { bridgeKilled, brokerKilled, halfOpen, outage } from "./jetstream-faults.ts";
import { sideBySide } from "./side-by-side.ts";

const watchdog = { timeout: 4 * 3_600_000 };
const patienceMs = 290_000;

test(
  "the broker is killed a thousand times, while the bridge is at work",
  { ...watchdog, concurrency: true },
  async (t) => {
    const pace = { points: 20, changesPerSecond: 40 };
    const settings = { layout: "server", batch: "100ms", timeout: "5s" };
    await sideBySide(t, 20, async (own) => await brokerKilled(own, 50, patienceMs, pace, settings));
  },
);

test("the bridge is killed two hundred times", watchdog, async (t) => {
  await bridgeKilled(t, 200);
});

test("the network goes silent fifty times", watchdog, async (t) => {
  await halfOpen(t, 50);
});

test("the broker is away for an hour", watchdog, async (t) => {
  await outage(t, 3_600_000, { points: 100, changesPerSecond: 10_000 }, 60_000);
});
