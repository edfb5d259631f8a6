import { test } from "node:test";
import * as faults from "./gateway-faults.ts";

const watchdog = { timeout: 200_000 };

test("the broker is killed: nothing is lost", watchdog, async (t) => await faults.brokerKilled(t, 3));

test(
  "the partition is killed: nothing that it wrote down is lost",
  watchdog,
  async (t) => await faults.partitionKilled(t, 3),
);

test("the bridge is killed: nothing is lost", watchdog, async (t) => await faults.bridgeKilled(t, 4));

test("the bridge is killed in a large batch: that one is repeated, marked as a whole", watchdog, async (t) => {
  await faults.bridgeKilledInLargeBatch(t);
});

test("the network goes silent: nothing is lost", watchdog, async (t) => await faults.halfOpen(t, 2));

test("the wall clock is set: nothing is lost", watchdog, async (t) => {
  await faults.clockStepped(t, ["+1h", "-1h", "+10y", "-10y", "+0"]);
});

test("the credentials are revoked: nothing is lost", watchdog, async (t) => await faults.credentialsRevoked(t));

test("the certificates are changed: nothing is lost", watchdog, async (t) => await faults.certificatesChanged(t));

test("the disk is full: what is lost is counted, and is the oldest", watchdog, async (t) => await faults.diskFull(t));
