// Consumers that do with the guard what they should not. It is theirs to take and to give back, so they can do everything with it.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { fault, times } from "./fault.ts";
import { isMeasured, ConsumerScene } from "./consumer-scene.ts";

const area = "Consumer";
const intervalMs = 50;
const killedWithinMs = 15;
const stoppedTimes = { quick: 3, usual: 20, long: 200 };
const misbehavesMs = times({ quick: 500, usual: 3000, long: 30_000 });

fault({
  area,
  trigger: "killed while it takes, holds and gives back the guard",
  holds: "the other consumer's documents come on time, its own successor has fresh values within three cycles",
  extent: "quick",
  limitMs: times({ quick: 60_000, usual: 120_000, long: 1_200_000 }),
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, isMeasured);
    const kills = times({ quick: 5, usual: 50, long: 1000 });
    const seizures = (): number => scene.partition.witness.health?.guardSeizures ?? 0;
    let killed = 0;
    const kill = async (): Promise<void> => {
      let next = scene.badConsumer("comes and goes");
      // On a busy machine most of them die before they have come to take the guard.
      for (; killed < kills || seizures() < kills / 10; killed++) {
        const consumer = await next;
        // Another one starts while this one dies and is got over.
        next = scene.badConsumer("comes and goes");
        consumer.send("start");
        assert.equal(await consumer.next(), "started");
        await pause(Math.random() * killedWithinMs);
        await consumer.kill();
        await scene.recovers();
      }
      await next;
    };
    await (isMeasured ? scene.staysPunctual(kill) : kill());
    const { guardTimeouts = 0, guardSeizures = 0 } = scene.partition.witness.health ?? {};
    t.diagnostic(`${killed} died: ${guardTimeouts} time-outs, ${guardSeizures} seizures`);
    assert.ok(guardTimeouts >= 2 * guardSeizures, "counted for `status`");
    await scene.partition.until("the guard is at 1", () => scene.permits() === 1);
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "stopped while it holds the guard, and goes on later",
  holds: "it is taken for gone, what it gives back too much is taken away, nobody waits",
  limitMs: times({ quick: 60_000, usual: 60_000, long: 300_000 }),
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, isMeasured);
    const consumer = await scene.badConsumer("holds");
    await scene.staysPunctual(async () => {
      for (let count = times(stoppedTimes); count > 0; count--) {
        consumer.send("take");
        assert.equal(await consumer.next(), "held");
        consumer.signal("SIGSTOP");
        await scene.recovers();
        consumer.signal("SIGCONT");
        consumer.send("give back");
        assert.equal(await consumer.next(), "given back");
        await scene.recovers();
        await scene.partition.until("the guard is at 1", () => scene.permits() === 1);
      }
    });
    assert.ok((scene.partition.witness.health?.guardSeizures ?? 0) >= times(stoppedTimes));
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "takes the guard whenever it can and never gives it back",
  holds:
    "its own documents come within the bound of the wait, each second one; the other consumer's as if nothing were wrong",
  limitMs: 120_000,
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, isMeasured);
    const consumer = await scene.badConsumer("takes whenever it can");
    await scene.staysPunctual(async () => {
      consumer.send("start");
      assert.equal(await consumer.next(), "held");
      await pause(misbehavesMs);
    }, true);
    await consumer.kill();
    await scene.recovers();
    const { guardTimeouts = 0, guardSeizures = 0 } = scene.partition.witness.health ?? {};
    t.diagnostic(`${guardTimeouts} time-outs, ${guardSeizures} seizures`);
    assert.ok(guardSeizures > misbehavesMs / intervalMs / 4, "it did hold the guard nearly all the time");
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "posts as fast as it can",
  holds: "the surplus is taken away, the other consumer's documents come on time, afterwards the guard guards again",
  limitMs: 120_000,
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, isMeasured);
    const consumer = await scene.badConsumer("posts");
    await scene.staysPunctual(async () => {
      consumer.send("start");
      assert.equal(await consumer.next(), "posted");
      await pause(misbehavesMs);
    });
    await consumer.kill();
    await scene.recovers();
    await scene.partition.until("the guard is at 1", () => scene.permits() === 1);
    await scene.partition.end();
  },
});
