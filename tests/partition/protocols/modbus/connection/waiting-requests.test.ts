import assert from "node:assert/strict";
import { test } from "node:test";

import {
  WaitingRequests,
  type Waiting,
} from "../../../../../packages/partition/src/protocols/modbus/connection/waiting-requests.ts";

const requester = { server: "Plant", timeoutMs: 1000, pauseBetweenRequestsMs: 0 };
const other = { ...requester, server: "Other" };

function request(unitId: number, whose = requester): Waiting {
  return { requester: whose, unitId };
}

/** Unit ids in the order in which they have their turn. */
function order(waiting: WaitingRequests<Waiting>, isSilent: (unitId: number) => boolean): number[] {
  const unitIds: number[] = [];
  for (let next = waiting.next(isSilent); next !== undefined; next = waiting.next(isSilent)) {
    waiting.take(next);
    unitIds.push(next.unitId);
  }
  return unitIds;
}

test("first come first served, and silent unit ids after all others", () => {
  const waiting = new WaitingRequests<Waiting>();
  for (const unitId of [5, 1, 6, 2, 1]) waiting.push(request(unitId));
  assert.deepEqual(
    order(waiting, (unitId) => unitId > 4),
    [1, 2, 1, 5, 6],
  );
  assert.equal(
    waiting.next(() => false),
    undefined,
  );
});

test("a silent unit id has its turn although there is always somebody else, and then waits again", () => {
  const waiting = new WaitingRequests<Waiting>();
  waiting.push(request(5));
  waiting.push(request(6));
  const turns: number[] = [];
  for (let turn = 0; turn < 60; turn++) {
    waiting.push(request(1));
    const next = waiting.next((unitId) => unitId > 4) ?? assert.fail();
    waiting.take(next);
    turns.push(next.unitId);
  }
  assert.deepEqual(
    turns.flatMap((unitId, turn) => (unitId > 4 ? [[unitId, turn]] : [])),
    [
      [5, 20],
      [6, 41],
    ],
  );
});

test("the poll that has to be done first goes first, and silent unit ids go after it in any case", () => {
  const waiting = new WaitingRequests<Waiting>();
  for (const [unitId, dueMs] of [
    [1, 5000],
    [2, 100],
    [3, 5000],
    [6, 50],
    [4, 100],
  ] as const)
    waiting.push({ ...request(unitId), dueMs });
  waiting.push(request(9));
  assert.deepEqual(
    order(waiting, (unitId) => unitId === 6),
    [9, 2, 4, 1, 3, 6],
  );
});

test("one requester's requests are taken away, or everybody's", () => {
  const waiting = new WaitingRequests<Waiting>();
  for (const [unitId, whose] of [
    [1, requester],
    [2, other],
    [3, requester],
    [4, other],
  ] as const)
    waiting.push(request(unitId, whose));
  assert.deepEqual(
    waiting.remove(requester).map(({ unitId }) => unitId),
    [1, 3],
  );
  assert.deepEqual(
    waiting.remove().map(({ unitId }) => unitId),
    [2, 4],
  );
});
