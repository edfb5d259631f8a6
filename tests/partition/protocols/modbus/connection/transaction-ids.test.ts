import assert from "node:assert/strict";
import { test } from "node:test";

import { TransactionIds } from "../../../../../packages/partition/src/protocols/modbus/connection/transaction-ids.ts";

const transaction = { unitId: 1, functionCode: 3, address: 0, quantity: 1 } as const;
const none = [] as const;

test("ids use all 16 bits before one comes again", () => {
  const ids = new TransactionIds();
  const given = new Set(Array.from({ length: 0x1_0000 }, () => ids.next(none)));
  assert.equal(given.size, 0x1_0000);
  assert.equal(Math.max(...given), 0xffff);
  assert.ok(given.has(ids.next(none)));
});

test("an abandoned id is not given out again, and is due to be answered once", () => {
  const ids = new TransactionIds();
  const abandoned = ids.next(none);
  ids.abandon(abandoned, transaction);
  for (let count = 0; count < 0x2_0000; count++) assert.notEqual(ids.next(none), abandoned);
  assert.equal(ids.takeAbandoned(abandoned), transaction);
  assert.equal(ids.takeAbandoned(abandoned), undefined);
  assert.equal(ids.takeAbandoned(abandoned + 1), undefined);
});

test("what is remembered of abandoned ids stays bounded: the oldest go first", () => {
  const ids = new TransactionIds();
  const given = Array.from({ length: 1000 }, () => ids.next(none));
  for (const id of given) ids.abandon(id, transaction);
  const remembered = given.filter((id) => ids.takeAbandoned(id) !== undefined);
  assert.deepEqual(remembered, given.slice(-256));
});
