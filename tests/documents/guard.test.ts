import assert from "node:assert/strict";
import { renameSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { Guard, guardTiming } from "../../packages/documents/src/guard.ts";
import type { GuardTiming } from "../../packages/documents/src/guard.ts";
import { OtherProcess } from "../image/posix/other-process.ts";
import { openObjects, ownPrefix } from "../image/posix/own-objects.ts";

/** Each step takes a millisecond of this clock and no time of ours. */
function steppedClock(): GuardTiming & { steps: number } {
  const clock = {
    steps: 0,
    boundMs: guardTiming.boundMs,
    nowMs: () => clock.steps,
    step: async () => {
      clock.steps++;
      await setImmediate();
    },
  };
  return clock;
}

function setUp(t: TestContext, timing: GuardTiming = steppedClock()) {
  const name = `${ownPrefix(t)}a`;
  const { semaphore } = NamedSemaphore.createOrAdopt(name, 0o660);
  const guard = new Guard(name, timing);
  t.after(() => {
    guard.close();
    semaphore.close();
    assert.deepEqual(openObjects(), []);
  });
  let runs = 0;
  const run = async () => (await guard.run(() => runs++)).kind;
  return { name, semaphore, guard, run, runs: () => runs };
}

test("the guard is held while the action runs, and free before and after", async (t) => {
  const { semaphore, guard } = setUp(t);
  let during = -1;
  const outcome = await guard.run(() => (during = semaphore.value()));
  assert.deepEqual(outcome, { kind: "Done", waitedMs: 0, surplusPermits: 0, isFirst: true });
  assert.deepEqual([during, semaphore.value()], [0, 1]);
});

test("the wait is bounded to 8 ms, and ends as soon as the holder gives back", async (t) => {
  const clock = steppedClock();
  const { semaphore, guard } = setUp(t, clock);
  semaphore.tryWait();
  assert.deepEqual(await guard.run(() => undefined), { kind: "Skipped", waitedMs: 8, cause: undefined });
  const startMs = clock.steps;
  const waiting = guard.run(() => undefined);
  while (clock.steps < startMs + 3) await setImmediate();
  semaphore.post();
  const outcome = await waiting;
  assert.equal(outcome.kind, "Done");
  assert.ok(outcome.kind === "Done" && outcome.waitedMs >= 3);
});

test("the event loop turns while the guard is waited for", { timeout: 200_000 }, async (t) => {
  const { semaphore, guard } = setUp(t, { ...guardTiming, boundMs: Infinity });
  semaphore.tryWait();
  // Only a turning event loop gets to this timer.
  setTimeout(() => semaphore.post(), 1);
  assert.equal((await guard.run(() => undefined)).kind, "Done");
});

test("a holder that is gone costs one action, then the guard is set free", async (t) => {
  const { semaphore, guard, run, runs } = setUp(t);
  semaphore.tryWait();
  assert.equal(await run(), "Skipped");
  assert.equal(runs(), 0);
  assert.equal(await run(), "Seized");
  assert.deepEqual([runs(), semaphore.value()], [1, 1]);
  assert.deepEqual(guard.counters, { timeOuts: 2, seizures: 1, surplusPermits: 0 });
  // The next holder is another one.
  semaphore.tryWait();
  assert.equal(await run(), "Skipped");
  semaphore.post();
  assert.equal(await run(), "Done");
});

test("one slow holder is forgiven when the guard was free in between", async (t) => {
  const { semaphore, run } = setUp(t);
  const outcomes: string[] = [];
  for (let round = 0; round < 3; round++) {
    semaphore.tryWait();
    outcomes.push(await run());
    semaphore.post();
    outcomes.push(await run());
  }
  assert.deepEqual(outcomes, ["Skipped", "Done", "Skipped", "Done", "Skipped", "Done"]);
});

test("surplus permits are drained: the value comes back to 1", async (t) => {
  const { semaphore, guard, run } = setUp(t);
  for (let count = 0; count < 5; count++) semaphore.post();
  assert.equal(await run(), "Done");
  assert.equal(semaphore.value(), 1);
  // A seized holder that comes back.
  semaphore.tryWait();
  await run();
  await run();
  semaphore.post();
  assert.equal(semaphore.value(), 2);
  await run();
  // One who posts while the guard is held by us.
  await guard.run(() => semaphore.post());
  assert.equal(semaphore.value(), 1);
  assert.equal(guard.counters.surplusPermits, 5 + 1 + 1);
});

test("an action that fails gives the guard back", async (t) => {
  const { semaphore, guard } = setUp(t);
  const failure = new TypeError("no");
  const outcome = await guard.run(() => {
    throw failure;
  });
  assert.deepEqual(outcome, { kind: "Failed", error: failure });
  assert.equal(semaphore.value(), 1);
});

test("a call that comes while another waits joins it, and a later one runs by itself", async (t) => {
  const { semaphore, guard } = setUp(t);
  semaphore.tryWait();
  let runs = 0;
  const first = guard.run(() => runs++);
  assert.equal(
    guard.run(() => runs++),
    first,
  );
  semaphore.post();
  await first;
  await guard.run(() => runs++);
  assert.equal(runs, 2);
});

test("a call from within an action's own turn is not lost", async (t) => {
  const { guard } = setUp(t);
  let inner: unknown;
  let runs = 0;
  await guard.run(() => {
    inner = guard.run(() => runs++);
  });
  await inner;
  assert.equal(runs, 1);
});

test("a semaphore that was put back under the name is used from the next action on", async (t) => {
  const { name, semaphore, run } = setUp(t);
  assert.equal(await run(), "Done");
  renameSync(`/dev/shm/sem.${name}`, `/dev/shm/sem.${name}-moved`);
  assert.equal(await run(), "Done");
  const { semaphore: successor } = NamedSemaphore.createOrAdopt(name, 0o660);
  successor.tryWait();
  assert.equal(semaphore.value(), 1);
  assert.equal(await run(), "Skipped");
  successor.close();
});

test("a semaphore that is cut or missing costs one action and no process", async (t) => {
  const { name, guard, run, runs } = setUp(t);
  assert.equal(await run(), "Done");
  truncateSync(`/dev/shm/sem.${name}`, 0);
  const outcome = await guard.run(() => undefined);
  assert.ok(outcome.kind === "Skipped" && outcome.cause instanceof Error);
  assert.deepEqual([await run(), await run()], ["Seized", "Seized"]);
  assert.equal(runs(), 3);
  NamedSemaphore.remove(name);
  writeFileSync(`/dev/shm/sem.${name}`, "short");
  assert.equal(await run(), "Seized");
  NamedSemaphore.remove(name);
  NamedSemaphore.createOrAdopt(name, 0o660).semaphore.close();
  assert.equal(await run(), "Done");

  const missing = new Guard(`${name}-none`, steppedClock());
  assert.equal((await missing.run(() => undefined)).kind, "Skipped");
});

test("a guard that is closed while an action waits ends it without the action", async (t) => {
  const { semaphore, guard } = setUp(t);
  semaphore.tryWait();
  let runs = 0;
  const waiting = guard.run(() => runs++);
  guard.close();
  guard.close();
  assert.equal((await waiting).kind, "Skipped");
  assert.equal((await guard.run(() => runs++)).kind, "Skipped");
  assert.equal(runs, 0);
});

test(
  "a consumer that is killed or stopped while it holds the guard costs one action",
  { timeout: 200_000 },
  async (t) => {
    const { name, semaphore, run } = setUp(t, guardTiming);
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      const holder = new OtherProcess(t, new URL("peer.ts", import.meta.url), ["hold", "", name]);
      assert.equal(await holder.next(), "held");
      holder.signal(signal);
      if (signal === "SIGKILL") await holder.ended();
      assert.deepEqual([await run(), await run(), await run()], ["Skipped", "Seized", "Done"]);
      assert.equal(semaphore.value(), 1);
    }
  },
);
