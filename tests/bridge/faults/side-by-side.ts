// The bridge waits up to 30 s after a loss. Many scenes, each with few faults, have the same number of faults in less time.

import type { TestContext } from "node:test";

/** `count` scenes at the same time, each a test of its own. */
export async function sideBySide(t: TestContext, count: number, scene: (t: TestContext) => Promise<void>) {
  await Promise.all(Array.from({ length: count }, async (_, number) => await t.test(`scene ${number}`, scene)));
}
