// Lets every call to the system fail in turn, with every errno that is plausible for it, over a whole life of a consumer's pair.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { errno, PosixError, UnsuitableObjectError } from "../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../packages/image/src/posix/libc.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import type { ConsumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import { ConsumerPair, openConsumerPair, removeAbandonedPair } from "../../packages/documents/src/consumer-pair.ts";
import { publishGuarded } from "../../packages/documents/src/publish-guarded.ts";
import { filesOf, openObjects, ownPrefix } from "../image/posix/own-objects.ts";
import { errnosOfPairs, plausibleErrnos } from "../image/posix/plausible-errnos.ts";

interface Life {
  names: readonly ConsumerPairNames[];
  pairs: readonly ConsumerPair[];
  halves: ReturnType<typeof openConsumerPair>[];
  /** Every error met, thrown or told. */
  errors: unknown[];
}

function attempt(life: Life, step: () => void): void {
  try {
    step();
  } catch (error) {
    life.errors.push(error);
  }
}

async function publishAll(life: Life): Promise<void> {
  for (const { segment, guard } of life.halves) {
    const outcome = await publishGuarded(segment, guard, Buffer.from("{}"));
    if (outcome.kind === "Failed") life.errors.push(outcome.error);
    else if (outcome.kind !== "Done" && outcome.cause !== undefined) life.errors.push(outcome.cause);
  }
}

function closeAll(life: Life): void {
  for (const { guard } of life.halves) attempt(life, () => guard.close());
  for (const pair of life.pairs) attempt(life, () => pair.close());
  life.halves = [];
  life.pairs = [];
}

/** Created, taken over, published, destroyed, put back, published, removed, closed; what fails is left, and the next step tried. */
async function live(life: Life, prefix: string): Promise<void> {
  for (const sizeBytes of [20_480, 10_240]) {
    closeAll(life);
    attempt(life, () => (life.pairs = ConsumerPair.createAll(life.names, sizeBytes)));
    life.halves = life.pairs.map((pair) => openConsumerPair(pair.handle()));
    if (life.pairs.length > 0) continue;
    assert.deepEqual(openObjects(), []);
    if (sizeBytes === 20_480) assert.deepEqual(filesOf(prefix), []);
  }
  await publishAll(life);
  for (const file of filesOf(prefix)) rmSync(`/dev/shm/${file}`);
  for (const pair of [...life.pairs, ...life.pairs]) attempt(life, () => pair.check());
  assert.equal(filesOf(prefix).length, 2 * life.pairs.length);
  await publishAll(life);
  for (const pair of life.pairs) attempt(life, () => pair.remove());
  closeAll(life);
}

test("whichever call to the system fails: a clear error, no leak, and the next try succeeds", async (t) => {
  const prefix = ownPrefix(t);
  const names = consumerPairNames("opcua", ["psmo", "interface"], prefix);
  t.after(() => injectFaults(undefined));
  const seen = new Set<string>();

  /** One life in which the n-th call fails with the i-th errno plausible for it; false when that call or errno does not exist. */
  async function fails(n: number, i: number): Promise<boolean> {
    const life: Life = { names, pairs: [], halves: [], errors: [] };
    let calls = 0;
    let injected: { code: string; syscall: string } | undefined;
    injectFaults((syscall) => {
      if (calls++ !== n) return undefined;
      const code = plausibleErrnos.get(syscall)?.[i];
      assert.ok(i > 0 || code !== undefined, `no errno is known for ${syscall}`);
      if (code === undefined) return undefined;
      seen.add(syscall);
      injected = { code, syscall };
      return errno[code];
    });
    await live(life, prefix);
    injectFaults(undefined);
    const what = `call ${n}: ${JSON.stringify(injected)}`;
    const wasRemoved = injected?.syscall === "open" && injected.code === "ENOENT";
    if (injected === undefined) {
      assert.deepEqual(life.errors, [], what);
    } else if (life.errors.length === 0) {
      // A descriptor whose file lives on under another number may fail to close unheard, and so may the farewell in an orphan. What was removed
      // between two calls is made again.
      assert.ok(["close", "pwrite"].includes(injected.syscall) || wasRemoved, what);
    } else if (wasRemoved && life.errors[0] instanceof UnsuitableObjectError) {
      assert.match(life.errors[0].message, /^cannot take guard .* because there is no semaphore of that name$/);
    } else {
      const [first] = life.errors;
      assert.ok(first instanceof PosixError, `${what}: ${String(first)}`);
      assert.deepEqual({ code: first.code, syscall: first.syscall }, injected, first.message);
      assert.match(
        first.message,
        new RegExp(`^cannot .*${prefix}.* because .+ \\(${first.code} from ${first.syscall}\\)$`),
      );
      assert.ok(first.message.includes(first.object));
    }
    for (const pair of names) removeAbandonedPair(pair);
    assert.deepEqual([filesOf(prefix), openObjects()], [[], []], what);
    return injected !== undefined;
  }

  let n = 0;
  for (; await fails(n, 0); n++) {
    for (let i = 1; await fails(n, i); i++);
  }
  assert.deepEqual([...seen].sort(), Object.keys(errnosOfPairs).sort());
  t.diagnostic(`${n} calls in one life`);
});
