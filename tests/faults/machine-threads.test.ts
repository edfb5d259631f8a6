// What can happen to the threads of a partition: one crashes, one stands still, one takes all memory; or all of them are stopped.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fault, times } from "./fault.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { gateway, isFresh, threadFaults } from "./gateway.ts";
import { TestedPartition } from "./tested-partition.ts";

const intervalMs = 100;
const crashes = times({ quick: 1, usual: 3, long: 50 });
const stoppedMs = times({ quick: 2000, usual: 5000, long: 30_000 });
const blockedMs = 2000;

/** A Modbus service of two devices, each read by a thread of its own. */
async function twoThreads(t: TestContext, interval = 0.1) {
  const { order, launch } = threadFaults(t);
  const devices = [];
  for (const [alias, firstPlace] of [
    ["device", 0],
    ["other", 100],
  ] as const) {
    const device = await startBornDevice(t, firstPlace);
    const { port } = device;
    devices.push({ device, alias, port, firstPlace, points: 3, settings: "<retryInterval>0.2</retryInterval>" });
  }
  const partition = new TestedPartition(t, {
    modbus: bornModbusXml(...devices),
    interval,
    args: ["--threads", "2"],
    launch,
  });
  await partition.until("values are good", () => isFresh(partition, 0));
  await partition.healthy();
  return { partition, order, other: devices[1]!.device };
}

fault({
  area: "Machine",
  trigger: `a service's thread crashes, ${crashes} times`,
  holds: "the other service goes on without a pause, and the crashed one is back without help; status and log say why",
  extent: "quick",
  limitMs: 60_000 + crashes * 8000,
  run: async (t) => {
    const { order, launch } = threadFaults(t);
    const partition = await gateway(t, { launch, rules: { bystanders: ["server"] } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    for (let crash = 1; crash <= crashes; crash++) {
      const crashedMs = Date.now();
      order("modbus", "crash");
      await partition.until("it is told", () => partition.child.logged(/is started again/).length === crash);
      await partition.until("values are good again", () => partition.modbus!.isFresh(crashedMs));
    }
    const logged = partition.child.logged(/is started again/);
    assert.ok(logged.every((record) => record["service"] === "modbus"));
    assert.ok(partition.child.stderr.includes("a fault of the test"), "with its reason");
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `the event loop of a service's thread stands still for ${blockedMs} ms`,
  holds: "the ticks that it missed are counted and not made up for, the other service goes on without a pause",
  run: async (t) => {
    const { order, launch } = threadFaults(t);
    const partition = await gateway(t, { launch, rules: { bystanders: ["server"] } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    const { modbus, opcua } = partition;
    modbus!.rule({ longestPauseMs: blockedMs + 1000, oldestGoodMs: blockedMs + 1000 });
    const before = modbus!.health!;
    const othersMissed = opcua!.health!.ticksMissed;
    const beganMs = Date.now();
    order("modbus", "block", String(blockedMs));
    await partition.until("it goes on", () => modbus!.health!.ticksMissed > before.ticksMissed);
    await partition.until("values are good again", () => modbus!.isFresh(beganMs + blockedMs));
    const after = modbus!.health!;
    const missed = after.ticksMissed - before.ticksMissed;
    const due = (Date.now() - beganMs) / intervalMs;
    const published = after.documents - before.documents;
    assert.ok(missed >= blockedMs / intervalMs - 2, `only ${missed} ticks were counted as missed`);
    assert.ok(published <= due - missed + 5, `${published} documents, ${missed} missed, ${Math.round(due)} were due`);
    t.diagnostic(
      `${missed} missed, ${published} published; the other service missed ${opcua!.health!.ticksMissed - othersMissed}`,
    );
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `one of several threads that read the devices of a service crashes, ${crashes} times`,
  holds: "all of them are back without help, no old value looks good; status and log say why",
  limitMs: 60_000 + crashes * 8000,
  run: async (t) => {
    const { partition, order } = await twoThreads(t);
    // A thread that ends takes its time on a busy machine, and until then its image is there.
    partition.modbus!.rule({ longestPauseMs: 15_000, oldestGoodMs: 15_000 });
    for (let crash = 1; crash <= crashes; crash++) {
      const crashedMs = Date.now();
      order("modbus-2", "crash");
      await partition.until("it is told", () => partition.child.logged(/is started again/).length === crash);
      await partition.until("values are good again", () => partition.modbus!.isFresh(crashedMs));
    }
    assert.ok(partition.child.stderr.includes("a fault of the test"), "with its reason");
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `one of several threads that read the devices of a service stands still for ${blockedMs} ms`,
  holds: "ticks are counted as missed meanwhile, because an image is as alive as all its threads; then all goes on",
  run: async (t) => {
    const { partition, order } = await twoThreads(t);
    const { modbus } = partition;
    modbus!.rule({ longestPauseMs: blockedMs + 1000, oldestGoodMs: blockedMs + 1000 });
    const before = modbus!.health!;
    const beganMs = Date.now();
    order("modbus-2", "block", String(blockedMs));
    await partition.until("ticks are missed", () => modbus!.health!.ticksMissed > before.ticksMissed + 5);
    await partition.until("values are good again", () => modbus!.isFresh(beganMs + blockedMs));
    assert.deepEqual(partition.child.logged(/is started again/), []);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `the thread that publishes what another one has read stands still for ${blockedMs} ms`,
  holds:
    "the other one soon stops to read, so memory is bounded, and goes on afterwards without a loss of a connection",
  run: async (t) => {
    const { partition, order, other } = await twoThreads(t, 0.001);
    const { modbus } = partition;
    modbus!.rule({ longestPauseMs: blockedMs + 1000, oldestGoodMs: blockedMs + 1000 });
    const before = modbus!.health!;
    const beganMs = Date.now();
    order("modbus", "block", String(blockedMs));
    await partition.until("it stands still", () => modbus!.health!.heartbeatAgeMs! > 200);
    const requested = other.requests.length;
    await pause(blockedMs / 2);
    const meanwhile = other.requests.length - requested;
    await partition.until("it goes on", () => modbus!.health!.ticksMissed > before.ticksMissed);
    await partition.until("values are good again", () => modbus!.isFresh(beganMs + blockedMs));
    assert.ok(meanwhile < 300, `${meanwhile} polls were read that nobody took`);
    assert.equal(other.connections, 1);
    t.diagnostic(`${meanwhile} polls were read meanwhile`);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "one of several threads that read the devices of a service hangs, and the partition is told to stop",
  holds: "no value of it is taken for a new one, the heartbeat is as old as its own, and the partition ends in time",
  run: async (t) => {
    const { partition, order } = await twoThreads(t);
    const { modbus } = partition;
    modbus!.rule({ longestPauseMs: 30_000, oldestGoodMs: 30_000 });
    const { ticksMissed } = modbus!.health!;
    order("modbus-2", "block", "60000");
    await partition.until("ticks are missed", () => modbus!.health!.ticksMissed > ticksMissed + 2);
    await partition.until("the heartbeat is that of the thread", () => modbus!.health!.heartbeatAgeMs! > 2000);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `the whole partition is stopped for ${stoppedMs} ms (SIGSTOP) and continued`,
  holds:
    "no value that looks good is older than a cycle soon after, the ticks that it missed are counted and not made up for",
  limitMs: 60_000 + stoppedMs,
  run: async (t) => {
    const partition = await gateway(t);
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    const before = partition.witnesses.map((witness) => witness.health!);
    for (const witness of partition.witnesses) witness.excuse(true);
    partition.child.signal("SIGSTOP");
    await pause(stoppedMs);
    partition.child.signal("SIGCONT");
    const continuedMs = Date.now();
    await partition.until("values are good again", () => isFresh(partition, continuedMs));
    t.diagnostic(`good values ${Date.now() - continuedMs} ms after it was continued`);
    for (const witness of partition.witnesses) witness.excuse(false);
    await pause(1000); // what comes late from before would show
    partition.witnesses.forEach((witness, index) => {
      const { ticksMissed, documents } = witness.health!;
      const missed = ticksMissed - before[index]!.ticksMissed;
      assert.ok(missed >= stoppedMs / intervalMs - 2, `only ${missed} ticks were counted as missed`);
      const published = documents - before[index]!.documents;
      const awake = (Date.now() - continuedMs) / intervalMs;
      assert.ok(published <= awake + 10, `${published} documents since, ${Math.round(awake)} ticks`);
    });
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "a leak in a service's thread takes all the memory that it may have",
  holds: "it alone ends and is started again, with the reason in the log; the other service goes on without a pause",
  run: async (t) => {
    const { order, launch } = threadFaults(t, "--max-old-space-size=96");
    const partition = await gateway(t, { launch, rules: { bystanders: ["server"] } });
    await partition.until("values are good", () => isFresh(partition, 0));
    // Collecting what is no garbage takes its time.
    partition.modbus!.rule({ longestPauseMs: 15_000, oldestGoodMs: 15_000 });
    const filledMs = Date.now();
    order("modbus", "fill");
    await partition.until("it is told", () => partition.child.logged(/is started again/).length === 1);
    await partition.until("values are good again", () => partition.modbus!.isFresh(filledMs));
    assert.match(partition.child.stderr, /memory limit/, "the reason is told");
    // A thread that ran out of memory closes nothing: its mapping of the image and one descriptor stay until the process ends.
    await partition.healthy();
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "a leak in the main thread takes all the memory that the process may have",
  holds: "the process ends and says why, no reader takes its image for a living one, the next start has good values",
  run: async (t) => {
    const { order, launch } = threadFaults(t, "--max-old-space-size=96");
    const partition = await gateway(t, { launch });
    await partition.until("values are good", () => isFresh(partition, 0));
    for (const witness of partition.witnesses) witness.excuse(true);
    order("main", "fill");
    const { code, stderr } = await partition.child.ended;
    assert.notEqual(code, 0);
    assert.match(stderr, /JavaScript heap out of memory/);
    for (const witness of partition.witnesses) assert.equal(witness.health?.isAlive, false);
    const startedMs = Date.now();
    partition.runAgain();
    await partition.until("values are good again", () => isFresh(partition, startedMs));
    for (const witness of partition.witnesses) witness.excuse(false);
    await partition.healthy();
    await partition.end();
  },
});
