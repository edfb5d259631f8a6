import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { BankReader } from "../../packages/image/src/bank-reader.ts";
import { planDirectory } from "../../packages/image/src/directory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { poll, record } from "../../packages/image/src/layout.ts";
import { ImageError } from "../../packages/image/src/read-directory.ts";
import { serverOf } from "./sample-image.ts";

const points = 2000;
const giveUpMs = 150_000;

/** What a test waits for in a loop of its own must end, too, when it does not come: no time-out of the runner ends such a loop. */
function patience(what: string): () => void {
  const endMs = performance.now() + giveUpMs;
  return () => assert.ok(performance.now() < endMs, `waited in vain for ${what}`);
}

/** A reader of an image that another thread writes as fast as it can until the test ends. */
async function watched(t: TestContext): Promise<ImageReader & { readonly buffer: SharedArrayBuffer }> {
  const directory = planDirectory([serverOf("A", ...Array.from({ length: points }, () => 0))]);
  const buffer = new SharedArrayBuffer(directory.imageBytes);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("writing-thread.ts", import.meta.url), { workerData: { buffer, points, stop } });
  t.after(async () => {
    const ended = once(worker, "exit");
    Atomics.store(stop, 0, 1);
    await ended;
  });
  const waitOn = patience("the writer's image");
  for (;;) {
    waitOn();
    try {
      return Object.assign(new ImageReader(buffer), { buffer });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      await turn();
    }
  }
}

/** True when the points have values of two polls. */
function isMixed(bank: BankReader): boolean {
  for (let index = 1; index < points; index++) if (bank.lowWord(index) !== bank.lowWord(0)) return true;
  return false;
}

test("a snapshot taken while the writer writes is never of two polls", { timeout: 200_000 }, async (t) => {
  const image = await watched(t);
  const snapshot = image.reusableSnapshot(0);
  const seen = new Set<number>();
  const waitOn = patience("a hundred polls");
  for (let taken = 0; taken < 2000 || seen.size < 100; taken++) {
    waitOn();
    if (!snapshot.refresh(1)) continue;
    assert.equal(isMixed(snapshot), false);
    seen.add(snapshot.published);
    if (taken % 100 === 0) await turn();
  }
});

test(
  "counter-test: a copy that asks nobody whether it was overtaken is of two polls at some time",
  { timeout: 200_000 },
  async (t) => {
    const image = await watched(t);
    const group = image.directory.groups[0]!;
    const { banksOffset, bankBytes } = group;
    const copy = new Uint8Array(bankBytes);
    const reader = new BankReader(image.directory, group, copy.buffer, 0, {
      pollBytes: poll.bytes,
      recordBytes: record.bytes,
    });
    const waitOn = patience("a copy of two polls");
    do {
      waitOn();
      copy.set(new Uint8Array(image.buffer, banksOffset + (image.published(0) & 1) * bankBytes, bankBytes));
    } while (!isMixed(reader));
  },
);
