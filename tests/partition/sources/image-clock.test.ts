import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ImageClock } from "../../../packages/partition/src/sources/image-clock.ts";
import { ImageGenerations } from "../../../packages/partition/src/sources/image-generations.ts";
import { PollsInFlight } from "../../../packages/partition/src/sources/polls-in-flight.ts";
import { Grid } from "../../../packages/process/src/schedule.ts";
import { OwnImages, recordingLog, TestSource } from "./test-source.ts";

async function settle(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await new Promise(setImmediate);
}

/** A clock whose time is the test's. */
async function setUp(t: TestContext, intervalMs = 1000, beatAgeMs = () => 0) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const client = new TestSource("A", "eins");
  const images = new OwnImages();
  const { log } = recordingLog();
  const generations = await ImageGenerations.create({ service: "modbus", intervalMs }, [client], images, log);
  const pollsInFlight = new PollsInFlight(() => nowMs, intervalMs, 2);
  let renewed = 0;
  let ticked = 0;
  const clock = new ImageClock(generations, {
    grid: new Grid(0, intervalMs),
    clock: () => nowMs,
    pollsInFlight,
    beatAgeMs,
    renewed: () => renewed++,
    ticked: () => ticked++,
  });
  const ended = clock.run();
  t.after(async () => {
    clock.stop();
    t.mock.timers.tick(intervalMs);
    await ended;
  });
  await settle();
  return {
    client,
    clock,
    generations,
    images,
    pollsInFlight,
    ticks: () => {
      assert.equal(images.reader.ticks, ticked, "the image says what the clock says");
      return ticked;
    },
    renewed: () => renewed,
    /** Time that work takes. */
    spend: (durationMs: number) => (nowMs += durationMs),
    missed: () => Number(images.reader.serviceCount("ticksMissed")),
    pass: async (durationMs: number) => {
      nowMs += durationMs;
      t.mock.timers.tick(durationMs);
      await settle();
    },
  };
}

test("the image ticks at the start and at every instant, however late timers are", async (t) => {
  const own = await setUp(t);
  const after: number[] = [];
  for (const passMs of [999, 1, 1300, 700, 999, 1]) {
    await own.pass(passMs);
    after.push(own.ticks());
  }
  assert.deepEqual(after, [1, 2, 3, 4, 4, 5]);
  assert.equal(own.missed(), 0);
});

test("ticks that were missed are counted, not made up for", async (t) => {
  const own = await setUp(t);
  await own.pass(4500);
  assert.deepEqual([own.ticks(), own.missed()], [2, 3]);
  await own.pass(500);
  assert.equal(own.ticks(), 3);
});

test("a tick waits for polls that began with it, but not for long", async (t) => {
  const own = await setUp(t);
  const server = {};
  await own.pass(999);
  own.pollsInFlight.begin(server, () => {});
  await own.pass(1);
  assert.equal(own.ticks(), 1);
  own.pollsInFlight.end(server);
  await settle();
  assert.equal(own.ticks(), 2);
  await own.pass(999);
  own.pollsInFlight.begin(server, () => {});
  await own.pass(1);
  await own.pass(199);
  assert.equal(own.ticks(), 2);
  await own.pass(1);
  assert.equal(own.ticks(), 3);
});

test("a tick does not wait for a poll of an earlier one", async (t) => {
  const own = await setUp(t);
  const [slow, quick] = [{}, {}];
  own.pollsInFlight.begin(slow, () => {});
  await own.pass(999);
  own.pollsInFlight.begin(quick, () => {});
  await own.pass(1);
  assert.equal(own.ticks(), 1, "it waits for the quick one");
  own.pollsInFlight.end(quick);
  await settle();
  assert.equal(own.ticks(), 2);
});

test("a server whose polls outlast the wait makes one tick late, and none until it was quick again", async (t) => {
  const own = await setUp(t);
  const server = {};
  await own.pass(999);
  /** One poll that begins with the tick; from and to the millisecond before a tick. */
  const isLateWith = async (pollMs: number): Promise<boolean> => {
    const before = own.ticks();
    own.pollsInFlight.begin(server, () => {});
    await own.pass(1);
    const isLate = own.ticks() === before;
    await own.pass(pollMs);
    own.pollsInFlight.end(server);
    await settle();
    await own.pass(998 - pollMs);
    await own.pass(1);
    assert.equal(own.ticks(), before + 1);
    return isLate;
  };
  const late: boolean[] = [];
  for (const pollMs of [600, 600, 600, 100, 100, 600]) late.push(await isLateWith(pollMs));
  assert.deepEqual(late, [true, false, false, false, true, true]);
});

test("a tick that was asked for comes at once and moves no other", async (t) => {
  const own = await setUp(t);
  await own.pass(500);
  void own.clock.request();
  await settle();
  assert.equal(own.ticks(), 2);
  await own.pass(499);
  assert.equal(own.ticks(), 2);
  await own.pass(1);
  assert.equal(own.ticks(), 3);
});

test("a request ends when there is a new generation, or can be none now, or never any more", async (t) => {
  const own = await setUp(t, 60_000);
  const ended: string[] = [];
  const request = (name: string): void => void own.clock.request().then(() => ended.push(name));
  const memory = Promise.withResolvers<void>();
  own.images.before = () => memory.promise;
  own.client.points = new TestSource("A", "eins", "zwei").points;
  request("made");
  await settle();
  request("came meanwhile");
  await settle();
  assert.deepEqual(ended, []);
  own.client.points = new TestSource("A", "eins", "zwei", "drei").points;
  own.images.before = () => {
    throw new Error("no space left on device");
  };
  memory.resolve();
  await settle();
  assert.deepEqual([ended, own.renewed()], [["made", "came meanwhile"], 1]);
  request("refused before");
  await settle();
  assert.deepEqual(ended.splice(0), ["made", "came meanwhile", "refused before"]);
  const forEver = Promise.withResolvers<void>();
  await own.pass(1000);
  own.images.before = () => forEver.promise;
  request("under way");
  await own.pass(1000);
  request("waits");
  own.clock.stop();
  request("stopped");
  await settle();
  assert.deepEqual(ended.splice(0), ["stopped"]);
  forEver.resolve();
  await settle();
  assert.deepEqual(ended, ["under way", "waits"]);
});

test("between the ticks of a long interval the image beats every 250 ms", async (t) => {
  const own = await setUp(t, 60_000);
  const beats = new Set<bigint>();
  for (let quarter = 0; quarter < 20; quarter++) {
    await own.pass(250);
    beats.add(own.images.reader.heartbeatNs);
  }
  assert.equal(beats.size, 20);
  assert.equal(own.ticks(), 1);
});

test("what the servers have taught is in the image before the tick, and an image that was refused is tried again within a second", async (t) => {
  const own = await setUp(t, 60_000);
  own.images.before = () => {
    throw new Error("no space left on device");
  };
  own.client.points = new TestSource("A", "eins", "zwei").points;
  void own.clock.request();
  await settle();
  assert.equal(own.renewed(), 0);
  own.images.before = () => {};
  for (let quarter = 0; quarter < 4; quarter++) await own.pass(250);
  assert.equal(own.renewed(), 1);
  assert.equal(own.images.reader.directory.groups[0]?.points.length, 2);
  assert.equal(own.images.reader.ticks, 1, "a tick of the new generation");
});

test("an image that was refused is asked for once a second, or less often where that takes long, however often polls want it", async (t) => {
  for (const [takesMs, pauseMs] of [
    [10, 1000],
    [400, 8000],
  ] as const) {
    await t.test(`${takesMs} ms`, async (each) => {
      const own = await setUp(each, 60_000);
      let attempts = 0;
      own.images.before = () => {
        attempts++;
        own.spend(takesMs);
        throw new Error("no space left on device");
      };
      own.client.points = new TestSource("A", "eins", "zwei").points;
      void own.clock.request();
      await settle();
      const poll = async (): Promise<void> => {
        void own.clock.request();
        await own.pass(100);
      };
      for (let polls = 0; polls < pauseMs / 100 - 1; polls++) await poll();
      assert.equal(attempts, 1);
      await poll();
      assert.equal(attempts, 2);
    });
  }
});

test("while a thread that reads for the image hangs, the image is as old as its last sign of life, and its ticks count as missed", async (t) => {
  let silentMs = 300;
  const own = await setUp(t, 1000, () => silentMs);
  const heartbeatAgeMs = (): number => Date.now() - Number(own.images.reader.heartbeatNs / 1_000_000n);
  assert.ok(heartbeatAgeMs() >= 299);
  assert.equal(own.ticks(), 1);
  silentMs = 60_000;
  await own.pass(1000);
  await own.pass(1000);
  assert.ok(heartbeatAgeMs() >= 59_999);
  assert.deepEqual([own.ticks(), own.missed()], [1, 2]);
  silentMs = 0;
  await own.pass(1000);
  assert.deepEqual([own.ticks(), own.missed()], [2, 2]);
});
