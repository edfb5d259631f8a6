import { test } from "node:test";
import { bridgeKilled, brokerKilled } from "./gateway-faults.ts";
import { sideBySide } from "./side-by-side.ts";

const watchdog = { timeout: 4 * 3_600_000 };

test(
  "the broker is killed a thousand times, while the bridge is at work",
  { ...watchdog, concurrency: true },
  async (t) => {
    await sideBySide(t, 20, async (own) => await brokerKilled(own, 50));
  },
);

test("the bridge is killed two hundred times", watchdog, async (t) => {
  await bridgeKilled(t, 200);
});
