// OPC UA servers that several threads read, and one of the threads crashes, stands still or takes all memory. The servers are one, by several
// aliases: each has a connection of its own. In each thread one of them is polled and one is subscribed to. What is subscribed to counts all along: whatever
// the threads suffer, every number is in the journals.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { CountedChanges } from "../plant/counted-changes.ts";
import { addSettable } from "../plant/subscribed.ts";
import { addBornVariables, bornOpcUaXml, startBornOpcUa } from "./born-opcua.ts";
import { startBornDevice, bornModbusXml } from "./born-modbus.ts";
import { fault, times } from "./fault.ts";
import { threadFaults } from "./gateway.ts";
import { TestedPartition } from "./tested-partition.ts";

const crashes = times({ quick: 1, usual: 3, long: 50 });
const blockedMs = 2000;
/** An alias in each of two threads, polled and subscribed to. */
const polled = ["polled", "other polled"] as const;
const counting = ["counting", "other counting"] as const;
const aliases = [...polled, ...counting];
const points = 2;
const devicePlace = 900;
const settings = "<timeout>5</timeout><retryInterval>0.2</retryInterval>";
const everyChange = "<samplingInterval>0</samplingInterval><queueSize>5000</queueSize>";
const countMs = 10;
/** So many numbers after a fault show that all goes on. */
const numbersAfter = 100;

async function twoThreads(t: TestContext, nodeOptions = "") {
  const { order, launch } = threadFaults(t, nodeOptions);
  const set: ((value: number) => void)[] = [];
  const { port } = await startBornOpcUa(t, 0, 0, {
    policies: [],
    build: (started) => {
      addBornVariables(started, 0, aliases.length * points);
      for (const alias of counting) set.push(addSettable(started, alias));
    },
  });
  const servers = aliases.map((alias, index) => {
    const isCounting = (counting as readonly string[]).includes(alias);
    return {
      alias,
      port,
      firstPlace: index * points,
      points: isCounting ? 0 : points,
      settings: isCounting
        ? `${settings}<acquisition>subscribe</acquisition><publishingInterval>0.05</publishingInterval>`
        : settings,
      furtherNodes: isCounting ? [{ name: alias, settings: everyChange }] : [],
    };
  });
  const device = await startBornDevice(t, devicePlace);
  const partition = new TestedPartition(t, {
    opcua: bornOpcUaXml(...servers),
    modbus: bornModbusXml({ alias: "device", port: device.port, firstPlace: devicePlace, points, settings }),
    args: ["--threads", "2"],
    rules: { bystanders: ["device"] },
    launch,
  });
  // It goes on, and shares the machine with threads that start.
  partition.modbus?.rule({ longestPauseMs: 5000, oldestGoodMs: 5000 });
  await partition.untilGood(...aliases, "device");
  await partition.healthy();
  const changes = new CountedChanges(t, `${partition.sandbox.prefix}opcua_journal`, set, countMs);
  /** In an image that is written, which is asked first: that of a thread that has ended shows its last values until it is replaced. */
  const good = async (): Promise<void> => {
    const isAlive = (): boolean => partition.opcua?.health?.isAlive === true;
    await partition.until("all is good", () => isAlive() && aliases.every((alias) => partition.opcua?.isGood(alias)));
  };
  /** Everything is good, and nothing is missing. */
  const ends = async (): Promise<void> => {
    await good();
    const { last } = changes;
    await partition.until("it goes on", () => changes.last > last + numbersAfter);
    changes.stop();
    await partition.until("the last number is there", () => changes.isComplete);
    await partition.end();
    changes.judge();
    t.diagnostic(`${changes.last} numbers of each`);
  };
  const reconnects = (): readonly number[] => aliases.map((alias) => partition.opcua!.server(alias)?.reconnects ?? 0);
  return { partition, opcua: partition.opcua!, order, good, ends, reconnects };
}

for (const { thread, what, argument } of [
  { thread: "opcua-2", what: "one of several threads that read servers crashes", argument: "" },
  { thread: "opcua", what: "the thread that publishes what another one has read crashes", argument: "" },
  {
    thread: "opcua",
    what: "the thread that publishes what another one has read stands still for a second and crashes",
    argument: "1000",
  },
])
  fault({
    area: "Machine",
    trigger: `${what}, ${crashes} times; servers are polled and subscribed to`,
    holds:
      "all are back without help, no old value looks good, every change is in a journal, and the other service goes on without a pause",
    limitMs: 120_000 + crashes * 60_000,
    run: async (t) => {
      const { partition, opcua, order, good, ends } = await twoThreads(t);
      opcua.rule({ longestPauseMs: 15_000, oldestGoodMs: 15_000 });
      for (let crash = 1; crash <= crashes; crash++) {
        order(thread, "crash", argument);
        await partition.until("it is told", () => partition.child.logged(/is started again/).length === crash);
        await good();
      }
      assert.ok(partition.child.stderr.includes("a fault of the test"), "with its reason");
      await ends();
    },
  });

for (const { thread, what } of [
  { thread: "opcua-2", what: "one of several threads that read servers" },
  { thread: "opcua", what: "the thread that publishes what another one has read" },
])
  fault({
    area: "Machine",
    trigger: `${what} stands still for ${blockedMs} ms; servers are polled and subscribed to`,
    holds:
      "ticks are counted as missed, no connection is lost, every change is in the journal, and the other service goes on without a pause",
    run: async (t) => {
      const { partition, opcua, order, ends, reconnects } = await twoThreads(t);
      opcua.rule({ longestPauseMs: blockedMs + 1000, oldestGoodMs: blockedMs + 1000 });
      const { ticksMissed } = opcua.health!;
      const before = reconnects();
      order(thread, "block", String(blockedMs));
      await partition.until("ticks are missed", () => opcua.health!.ticksMissed > ticksMissed + 5);
      await partition.until("its heart beats again", () => opcua.health!.heartbeatAgeMs! < 300);
      assert.deepEqual(partition.child.logged(/is started again/), []);
      await ends();
      assert.deepEqual(reconnects(), before);
    },
  });

fault({
  area: "Machine",
  trigger: "the protocol library throws in a callback of its own, in each of several threads that read servers",
  holds: "it is told, no thread ends, no connection is lost, and every change is in the journal",
  run: async (t) => {
    const { partition, order, ends, reconnects } = await twoThreads(t);
    const before = reconnects();
    for (const [count, thread] of ["opcua", "opcua-2"].entries()) {
      order(thread, "library");
      for (const told of [/protocol library cannot cope with/, /runtime warns: .*a warning of the test/])
        await partition.until(`${thread} tells it`, () => partition.child.logged(told).length > count);
    }
    assert.deepEqual(partition.child.logged(/is started again/), []);
    await ends();
    assert.deepEqual(reconnects(), before);
  },
});

fault({
  area: "Machine",
  trigger: "a leak in one of several threads that read servers takes all the memory that it may have",
  holds:
    "all threads of the service are started again, with the reason in the log, every change is in a journal, and the other service goes on without a pause",
  run: async (t) => {
    const { partition, opcua, order, good, ends } = await twoThreads(t, "--max-old-space-size=96");
    // Collecting what is no garbage takes its time.
    opcua.rule({ longestPauseMs: 15_000, oldestGoodMs: 15_000 });
    order("opcua-2", "fill");
    await partition.until("it is told", () => partition.child.logged(/is started again/).length === 1);
    await good();
    assert.match(partition.child.stderr, /memory limit/, "the reason is told");
    await partition.healthy();
    await ends();
  },
});

fault({
  area: "Machine",
  trigger: "one of several threads that read servers hangs, and the partition is told to stop",
  holds: "no value of it is taken for a new one, the heartbeat is as old as its own, and the partition ends in time",
  run: async (t) => {
    const { partition, opcua, order } = await twoThreads(t);
    opcua.rule({ longestPauseMs: 30_000, oldestGoodMs: 30_000 });
    const { ticksMissed } = opcua.health!;
    order("opcua-2", "block", "60000");
    await partition.until("ticks are missed", () => opcua.health!.ticksMissed > ticksMissed + 2);
    await partition.until("the heartbeat is that of the thread", () => opcua.health!.heartbeatAgeMs! > 2000);
    await partition.end();
  },
});
