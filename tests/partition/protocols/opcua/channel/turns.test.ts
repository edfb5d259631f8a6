import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";
import { Turns } from "../../../../../packages/partition/src/protocols/opcua/channel/turns.ts";

test("each turn of the event loop has one large message, the smallest that waits", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const work = (name: string) => (): void => void done.push(name);
  turns.wait(300, work("large"));
  turns.wait(100, work("small"));
  turns.wait(200, work("medium"));
  assert.deepEqual(done, []);
  for (const expected of [["small"], ["small", "medium"], ["small", "medium", "large"]]) {
    await nextTurn();
    assert.deepEqual(done, expected);
  }
});

test("work that waits again has a later turn, and what fails takes no other's", async () => {
  const turns = new Turns();
  const done: string[] = [];
  turns.wait(1, () => turns.wait(1, () => void done.push("again")));
  turns.wait(2, () => void done.push("other"));
  await nextTurn();
  await nextTurn();
  await nextTurn();
  assert.deepEqual(done.toSorted(), ["again", "other"]);
});
