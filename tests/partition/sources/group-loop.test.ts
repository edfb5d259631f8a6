import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { monotonicMs, Grid } from "../../../packages/process/src/schedule.ts";
import { GroupLoop, type GroupContext } from "../../../packages/partition/src/sources/group-loop.ts";
import { PollsInFlight } from "../../../packages/partition/src/sources/polls-in-flight.ts";
import type { GroupSink } from "../../../packages/partition/src/sources/server-sink.ts";
import { imageOf, renewed, seen, serverOf } from "../../image/sample-image.ts";

interface Changed extends Partial<GroupContext> {
  readonly block?: GroupSink;
}

function loopOf({ block = imageOf(serverOf("A", 8)).blocks[0]!, ...changes }: Changed = {}): GroupLoop {
  return new GroupLoop(block, {
    grid: new Grid(0, 1000),
    clock: monotonicMs,
    pollsInFlight: new PollsInFlight(monotonicMs, 1000, 2),
    alive: () => true,
    wantsRenewal: () => {},
    ...changes,
  });
}

test("values that were cut are read again with the next image, whatever is published before the word of it", () => {
  const { writer, blocks } = imageOf(serverOf("A", 8));
  let renewals = 0;
  const group = loopOf({ block: blocks[0]!, wantsRenewal: () => void renewals++ });
  let readings = 0;
  group.wantsAgain = () => void readings++;
  const value = { type: BuiltInType.String, value: "longer than eight bytes" };
  group.publish((sink) => sink.setValue(0, value, StatusCode.Good));
  assert.deepEqual([renewals, readings], [1, 0]);
  renewed(writer, [serverOf("A", 64)]);
  group.publish((sink) => sink.unchanged(0));
  group.renewed();
  assert.equal(readings, 1);
  group.renewed();
  assert.equal(readings, 1, "they were read again");
  group.publish((sink) => sink.unchanged(0));
  assert.equal(renewals, 2, "once more, so that a refusal is forgotten");
});

test("a poll that has ended when nobody wants to know any more is not published", { timeout: 200_000 }, async () => {
  const { reader, blocks } = imageOf(serverOf("A", 8));
  const group = loopOf({ block: blocks[0]!, alive: () => false });
  await group.everyTick(async (sink) => sink.unchanged(0), new AbortController().signal);
  assert.equal(seen(reader).state.cycle, 0n);
});

test(
  "polls end with the one that fails, whatever fails in it, and ask nothing of their signal afterwards",
  { timeout: 200_000 },
  async () => {
    const { signal } = new AbortController();
    await assert.rejects(
      loopOf().everyTick(() => Promise.reject(new TypeError("the read failed")), signal),
      { message: "the read failed" },
    );
    for (const step of ["begin", "publish"] as const) {
      const block = imageOf(serverOf("A", 8)).blocks[0]!;
      const failing = Object.assign(block, {
        [step]: () => {
          throw new TypeError(`${step} failed`);
        },
      });
      await assert.rejects(
        loopOf({ block: failing }).everyTick(async (sink) => sink.unchanged(0), signal),
        { message: `${step} failed` },
      );
    }
    assert.equal(getEventListeners(signal, "abort").length, 0);
    const pollsInFlight = new PollsInFlight(() => 0, 1000, 2);
    const failing = loopOf({ pollsInFlight }).everyTick(() => Promise.reject(new TypeError("it failed")), signal);
    await assert.rejects(failing);
    const tick = pollsInFlight.ofTick(0).then(() => "does not wait for it");
    const turn = new Promise(setImmediate).then(() => "waits for it");
    assert.equal(await Promise.race([tick, turn]), "does not wait for it");
  },
);

test("polls end at once when they are told to between two of them", { timeout: 200_000 }, async () => {
  const stop = new AbortController();
  let polls = 0;
  let published = 0;
  const group = loopOf({
    grid: new Grid(monotonicMs(), 2 ** 31),
    alive: () => {
      published++;
      setImmediate(() => stop.abort());
      return true;
    },
  });
  await group.everyTick(async () => void polls++, stop.signal);
  assert.deepEqual([polls, published], [1, 1]);
  await group.everyTick(async () => void polls++, stop.signal);
  assert.equal(polls, 1, "none begins for who has stopped");
});

test("what is published has the receipt of the thread that takes it, and waits while that is behind", async () => {
  let isTaken: boolean | undefined;
  const { blocks } = imageOf(serverOf("A", 8));
  const block = Object.assign(blocks[0]!, { receipt: () => () => isTaken });
  const pollsInFlight = new PollsInFlight(monotonicMs, 1000, 2, () => isTaken === undefined);
  const group = loopOf({ block, pollsInFlight });
  const receipt = group.publish((sink) => sink.unchanged(0));
  const room = group.room();
  assert.equal(receipt(), undefined);
  isTaken = true;
  await room;
  assert.deepEqual([receipt(), group.room()], [true, undefined]);
  assert.equal(loopOf().publish((sink) => sink.unchanged(0))(), true, "where there is no other thread readers have it");
});
