import assert from "node:assert/strict";
import { test } from "node:test";

import { Transactions } from "../../../../../packages/partition/src/protocols/modbus/connection/transactions.ts";

const transaction = { unitId: 1, functionCode: 3, address: 0, quantity: 1 } as const;

test("ids use all 16 bits before one comes again", () => {
  const transactions = new Transactions();
  const ids = new Set(Array.from({ length: 0x1_0000 }, () => transactions.nextId()));
  assert.equal(ids.size, 0x1_0000);
  assert.equal(Math.max(...ids), 0xffff);
  assert.ok(ids.has(transactions.nextId()));
});

test("an abandoned id is not given out again, and is due to be answered once", () => {
  const transactions = new Transactions();
  const abandoned = transactions.nextId();
  transactions.abandon(abandoned, transaction);
  for (let count = 0; count < 0x2_0000; count++) assert.notEqual(transactions.nextId(), abandoned);
  assert.equal(transactions.takeAbandoned(abandoned), transaction);
  assert.equal(transactions.takeAbandoned(abandoned), undefined);
  assert.equal(transactions.takeAbandoned(abandoned + 1), undefined);
});

test("what is remembered of abandoned ids stays bounded: the oldest go first", () => {
  const transactions = new Transactions();
  const ids = Array.from({ length: 1000 }, () => transactions.nextId());
  for (const id of ids) transactions.abandon(id, transaction);
  const remembered = ids.filter((id) => transactions.takeAbandoned(id) !== undefined);
  assert.deepEqual(remembered, ids.slice(-256));
});
