import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { guardedTargets } from "../../packages/documents/src/guarded-targets.ts";
import { ConsumerPair, openConsumerPair } from "../../packages/documents/src/consumer-pair.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import { ownPrefix } from "../image/posix/own-objects.ts";
import { recordingLog } from "../partition/sources/test-source.ts";

function setUp(t: TestContext) {
  const pairs = ConsumerPair.createAll(consumerPairNames("modbus", ["a"], ownPrefix(t)), 1024);
  const halves = pairs.map((pair) => openConsumerPair(pair.handle()));
  const { lines, log } = recordingLog();
  const segments = halves.map(({ segment }) => segment);
  const guards = halves.map(({ guard }) => guard);
  t.after(() => {
    for (const guard of guards) guard.close();
    for (const pair of pairs) pair.close();
  });
  return { lines, log, segments, guards, names: pairs[0]!.names };
}

test("as many semaphores as segments, or it is refused", (t) => {
  const { segments, log } = setUp(t);
  assert.throws(() => guardedTargets(segments, [], log), RangeError);
});

test("a document is in the segment when its publication is done", async (t) => {
  const { segments, guards, log, lines, names } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  assert.equal(target!.capacityBytes, 1024);
  assert.equal(await target!.publish(Buffer.from("{}")), "Done");
  assert.equal(readFileSync(`/dev/shm/${names.segmentName}`, "utf8"), `{}${"\0".repeat(1022)}`);
  assert.deepEqual(lines, []);
});

test("a consumer that never gives the guard back is told once of each kind, and documents come all the same", async (t) => {
  const { segments, guards, log, lines, names } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  const outcomes: string[] = [];
  for (let count = 0; count < 4; count++) {
    using semaphore = NamedSemaphore.openExisting(names.semaphoreName);
    while (semaphore?.tryWait() === true);
    outcomes.push(await target!.publish(Buffer.from(`{"a":${count}}`)));
  }
  assert.deepEqual(outcomes, ["Skipped", "Seized", "Skipped", "Seized"]);
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [
      ["warn", "left out one document: a consumer holds the semaphore and does not give it back"],
      ["warn", "published without the guard: a consumer holds the semaphore and does not give it back"],
    ],
  );
  assert.match(readFileSync(`/dev/shm/${names.segmentName}`, "utf8"), /^\{"a":3\}/);
});

test("a consumer that posts too often is told once", async (t) => {
  const { segments, guards, log, lines, names } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  await target!.publish(Buffer.from("{}"));
  for (let count = 0; count < 3; count++) {
    using semaphore = NamedSemaphore.openExisting(names.semaphoreName);
    semaphore?.post();
    assert.equal(await target!.publish(Buffer.from("{}")), "Done");
    assert.equal(semaphore?.value(), 1);
  }
  assert.deepEqual(
    lines.map(({ level, message, fields }) => [level, message, fields?.["surplusPermits"]]),
    [
      [
        "warn",
        "took back surplus semaphore permits: a consumer posts the semaphore too often, or after the writer reclaimed it; each consumer must post once for each wait",
        1,
      ],
    ],
  );
});

test("a semaphore that was made with the value 19, as the reference does, is no consumer's mistake", async (t) => {
  const { segments, guards, log, lines, names } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  // Once as it is found at the start, once made anew by a consumer while the partition runs.
  for (const _ of ["at the start", "later"]) {
    NamedSemaphore.remove(names.semaphoreName);
    using semaphore = NamedSemaphore.createExclusive(names.semaphoreName, 0o660, 19);
    for (let count = 0; count < 2; count++) assert.equal(await target!.publish(Buffer.from("{}")), "Done");
    assert.equal(semaphore?.value(), 1);
  }
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["info"],
  );
  assert.match(
    lines[0]!.message,
    /^the semaphore had the value 19 when the partition opened it and now has the value 1: /,
  );
});

test("a semaphore that is gone is told with its reason", async (t) => {
  const { segments, guards, log, lines, names } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  rmSync(`/dev/shm/sem.${names.semaphoreName}`);
  for (let count = 0; count < 3; count++) await target!.publish(Buffer.from("{}"));
  assert.equal(lines.length, 2);
  assert.match(lines[0]!.message, /^left out one document: .*semaphore/);
  assert.match(lines[1]!.message, /^published without the guard: .*semaphore/);
});

test("a document that is too long is a failure of this segment only, told once", async (t) => {
  const { segments, guards, log, lines } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  for (const _ of [1, 2]) assert.equal(await target!.publish(Buffer.alloc(1025)), "Failed");
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message.split(":")[0]]),
    [["error", "cannot publish"]],
  );
});

test("troubles of one kind, however many texts they have, do not keep another kind from being told", async (t) => {
  const { segments, guards, log, lines, names } = setUp(t);
  const [target] = guardedTargets(segments, guards, log);
  for (let extra = 1; extra <= 25; extra++) await target!.publish(Buffer.alloc(1024 + extra));
  assert.equal(lines.length, 20, "a text with a number in it does not fill the log");
  using semaphore = NamedSemaphore.openExisting(names.semaphoreName);
  while (semaphore?.tryWait() === true);
  assert.equal(await target!.publish(Buffer.from("{}")), "Skipped");
  assert.match(lines.at(-1)!.message, /^left out one document/);
});
