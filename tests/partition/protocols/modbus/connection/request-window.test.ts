import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { Answer } from "../../../../../packages/partition/src/protocols/modbus/connection/exchange.ts";
import { RequestWindow } from "../../../../../packages/partition/src/protocols/modbus/connection/request-window.ts";

const unlimitedMs = 2 ** 30;

interface Request {
  readonly unitId: number;
  readonly functionCode: 3;
  readonly address: number;
  readonly quantity: 1;
}

function requestOf(address: number, unitId = 1): Request {
  return { unitId, functionCode: 3, address, quantity: 1 };
}

function exception(code: number): Answer {
  return { kind: "exception", code };
}

function neverTimedOut(): never {
  return assert.fail("timed out");
}

test("counts the requests that are outstanding", () => {
  const window = new RequestWindow<Request>(neverTimedOut);
  const first = window.add(requestOf(1), unlimitedMs);
  assert.equal(window.count, 1);
  window.add(requestOf(2), unlimitedMs);
  assert.equal(window.count, 2);
  window.finish(window.awaiting(first) ?? assert.fail());
  assert.equal(window.count, 1);
  window.end();
});

test("replies in any order each answer their own request, once", () => {
  const shuffled = fc
    .integer({ min: 1, max: 16 })
    .chain((size) => fc.tuple(fc.constant(size), fc.shuffledSubarray([...Array(size).keys()], { minLength: size })));
  fc.assert(
    fc.property(shuffled, ([size, order]) => {
      const window = new RequestWindow<Request>(neverTimedOut);
      const ids = Array.from({ length: size }, (_, address) => window.add(requestOf(address), unlimitedMs));
      assert.equal(new Set(ids).size, size);
      for (const address of order) {
        const due = window.awaiting(ids[address]) ?? assert.fail(`no request for reply ${address}`);
        assert.equal(due.request.address, address);
        window.answered(due, exception(address));
        assert.equal(window.awaiting(ids[address]), undefined, "a second reply answers nothing");
      }
      const answered = window.takeAnswered();
      assert.deepEqual(
        answered.map(({ request, answer }) => [request.address, answer]),
        ids.map((_, address) => [address, exception(address)]),
      );
      assert.equal(window.isEmpty, true);
    }),
  );
});

test("each request has a timer of its own, and a request that ended has none", async () => {
  const patient = requestOf(1);
  const timedOut = Promise.withResolvers<Request>();
  const calls: Request[] = [];
  const window = new RequestWindow<Request>(({ request }) => {
    calls.push(request);
    timedOut.resolve(request);
  });
  window.add(patient, unlimitedMs);
  const ended = window.add(requestOf(2), 1);
  window.add(requestOf(3), 5);
  window.finish(window.awaiting(ended) ?? assert.fail());
  assert.deepEqual(await timedOut.promise, requestOf(3));
  assert.deepEqual(calls, [requestOf(3)]);
  assert.deepEqual(window.end(), [patient, requestOf(3)]);
});

test("the reply to an abandoned request is known as late, and its id is not given out meanwhile", () => {
  const window = new RequestWindow<Request>(neverTimedOut);
  const late = window.add(requestOf(1), unlimitedMs);
  window.abandon(window.awaiting(late) ?? assert.fail());
  for (let count = 0; count < 0x1_0000; count++) {
    const id = window.add(requestOf(2), unlimitedMs);
    assert.notEqual(id, late);
    window.finish(window.awaiting(id) ?? assert.fail());
  }
  assert.equal(window.awaiting(late), undefined);
  assert.deepEqual(window.takeAbandoned(late), requestOf(1));
  assert.equal(window.takeAbandoned(late), undefined);
});

test("ids that are outstanding are not given out again", () => {
  const window = new RequestWindow<Request>(neverTimedOut);
  const old = window.add(requestOf(1), unlimitedMs);
  for (let count = 0; count < 0x1_0000; count++) {
    const id = window.add(requestOf(2), unlimitedMs);
    assert.notEqual(id, old);
    window.finish(window.awaiting(id) ?? assert.fail());
  }
  window.end();
});

test("a reply without an id answers the request that waits longest", () => {
  const window = new RequestWindow<Request>(neverTimedOut);
  window.add(requestOf(1), unlimitedMs);
  window.add(requestOf(2), unlimitedMs);
  const first = window.awaiting(undefined) ?? assert.fail();
  assert.equal(first.request.address, 1);
  window.answered(first, exception(1));
  assert.equal(window.awaiting(undefined)?.request.address, 2);
  window.end();
});

test("a request is overtaken when one that was sent later has been answered, and not by an earlier one", () => {
  const window = new RequestWindow<Request>(neverTimedOut);
  const [first, second, third] = [1, 2, 3].map(
    (address) => window.awaiting(window.add(requestOf(address), unlimitedMs)) ?? assert.fail(),
  );
  assert.ok(first && second && third);
  window.answered(second, exception(1));
  assert.deepEqual([window.isOvertaken(first), window.isOvertaken(third)], [true, false]);
  window.end();
});

test("a requester's requests can be given up, and the others stay", () => {
  const window = new RequestWindow<Request>(neverTimedOut);
  const ids = [1, 2, 3].map((unitId) => window.add(requestOf(0, unitId), unlimitedMs));
  assert.deepEqual(
    window.abandonWhere(({ unitId }) => unitId === 2),
    [requestOf(0, 2)],
  );
  assert.deepEqual(
    ids.map((id) => window.awaiting(id)?.request.unitId),
    [1, undefined, 3],
  );
  assert.deepEqual(window.takeAbandoned(ids[1]), requestOf(0, 2));
  window.end();
});
