import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import { ConsumerPair, openConsumerPair } from "../../packages/documents/src/consumer-pair.ts";
import { Guard, guardTiming } from "../../packages/documents/src/guard.ts";
import { publishGuarded, publishToAll } from "../../packages/documents/src/publish-guarded.ts";
import { OtherProcess } from "../image/posix/other-process.ts";
import { ownPrefix } from "../image/posix/own-objects.ts";

/** Large: while one copy is made the other side is likely to come in between. */
const sizeBytes = 4 << 20;
const peer = new URL("peer.ts", import.meta.url);

function setUp(t: TestContext, consumers: readonly string[], segmentBytes: number) {
  const pairs = ConsumerPair.createAll(consumerPairNames("opcua", consumers, ownPrefix(t)), segmentBytes);
  const halves = pairs.map((pair) => openConsumerPair(pair.handle()));
  t.after(() => {
    for (const { guard } of halves) guard.close();
    for (const pair of pairs) pair.close();
  });
  return { pairs, segments: halves.map(({ segment }) => segment), guards: halves.map(({ guard }) => guard) };
}

/** Documents of one repeated byte, as fast as they can be published, until the reader has said what it saw. */
async function mixedSnapshots(t: TestContext, task: string, usesGuard: boolean): Promise<unknown> {
  const { pairs, segments } = setUp(t, ["a"], sizeBytes);
  const { segmentName, semaphoreName } = pairs[0]!.names;
  const segment = segments[0]!;
  // Exclusion is the question here: on a busy machine no holder may be taken for gone.
  const guard = new Guard(semaphoreName, { ...guardTiming, boundMs: Infinity });
  t.after(() => guard.close());
  const documents = [1, 2, 3, 4, 5].map((byte) => Buffer.alloc(sizeBytes, byte));
  segment.stage(documents[0]!);
  segment.writeStaged();
  const reader = new OtherProcess(t, peer, [task, segmentName, semaphoreName, "200"]);
  const answered = new AbortController();
  const answer = reader.next().finally(() => answered.abort());
  for (let count = 0; !answered.signal.aborted; count++) {
    const document = documents[count % documents.length]!;
    if (usesGuard) {
      await publishGuarded(segment, guard, document);
    } else {
      segment.stage(document);
      segment.writeStaged();
    }
    await setImmediate();
  }
  return answer;
}

test("under the guard no reader sees a mixture of two documents", { timeout: 200_000 }, async (t) => {
  assert.deepEqual(await mixedSnapshots(t, "read guarded", true), { mixed: 0 });
});

test("without the guard a reader does see a mixture", { timeout: 200_000 }, async (t) => {
  assert.deepEqual(await mixedSnapshots(t, "read unguarded", true), { mixed: 1 });
});

test("a writer without the guard shows a mixture even to a reader that uses it", { timeout: 200_000 }, async (t) => {
  assert.notDeepEqual(await mixedSnapshots(t, "read guarded", false), { mixed: 0 });
});

test("a consumer that holds its guard delays no other", async (t) => {
  const { pairs, segments, guards } = setUp(t, ["stuck", "well"], 10_240);
  // Long enough that no machine is busy beyond it before the second consumer's turn.
  const patient = new Guard(pairs[0]!.names.semaphoreName, { ...guardTiming, boundMs: 500 });
  t.after(() => patient.close());
  const stuck = NamedSemaphore.openExisting(pairs[0]!.names.semaphoreName)!;
  t.after(() => stuck.close());
  stuck.tryWait();
  const order: string[] = [];
  const outcomes = await Promise.all(
    segments.map(async (segment, index) => {
      const { kind } = await publishGuarded(segment, [patient, guards[1]!][index]!, Buffer.from("{}"));
      order.push(kind);
      return kind;
    }),
  );
  assert.deepEqual(outcomes, ["Skipped", "Done"]);
  assert.deepEqual(order, ["Done", "Skipped"]);
  const all = await publishToAll(segments, [patient, guards[1]!], Buffer.from("{}"));
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ["Seized", "Done"],
  );
});

test("of two documents that wait for one guard the newer is written", async (t) => {
  const { pairs, segments, guards } = setUp(t, ["a"], 10_240);
  const holder = NamedSemaphore.openExisting(pairs[0]!.names.semaphoreName)!;
  t.after(() => holder.close());
  holder.tryWait();
  const both = [
    publishGuarded(segments[0]!, guards[0]!, Buffer.from("older")),
    publishGuarded(segments[0]!, guards[0]!, Buffer.from("newer")),
  ];
  holder.post();
  for (const outcome of both) assert.equal((await outcome).kind, "Done");
  assert.match(readFileSync(`/dev/shm/${pairs[0]!.names.segmentName}`, "latin1"), /^newer\0+$/);
});

test("a document that does not fit is an outcome, and the one before stays", async (t) => {
  const { segments, guards } = setUp(t, ["a"], 10_240);
  const outcome = await publishGuarded(segments[0]!, guards[0]!, Buffer.alloc(10_241));
  assert.ok(outcome.kind === "Failed");
  assert.equal((outcome.error as { code?: string }).code, "DocumentTooLong");
});
