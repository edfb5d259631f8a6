import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";

import { PollCalendar } from "../../../../../packages/partition/src/protocols/modbus/connection/poll-calendar.ts";
import {
  WaitingRequests,
  type Waiting,
} from "../../../../../packages/partition/src/protocols/modbus/connection/waiting-requests.ts";

const quick = { server: "Plant", timeoutMs: 1000, pauseBetweenRequestsMs: 0, intervalMs: 100 };
const slow = { ...quick, intervalMs: 5000 };
const outside = { server: "Plant", timeoutMs: 1000, pauseBetweenRequestsMs: 0 };

function calendar(answerMs: number): PollCalendar {
  const both = new PollCalendar();
  both.begins(quick, 1000);
  both.begins(slow, 1000);
  both.answered(answerMs);
  return both;
}

test("a poll is due when its next one begins, and who asks outside polls is due at once", () => {
  const both = calendar(1);
  assert.deepEqual([both.dueMs(quick), both.dueMs(slow), both.dueMs(outside)], [1100, 6000, 0]);
});

test("a slow request that would be outstanding when the fast poll begins is held back until that has begun", () => {
  const both = calendar(10);
  assert.equal(both.holdMs(slow, 1050), 0);
  assert.equal(both.holdMs(slow, 1095), 7);
  assert.equal(both.holdMs(slow, 1101), 1);
  assert.equal(both.holdMs(slow, 1102), 0);
  assert.equal(both.holdMs(quick, 1095), 0);
  both.begins(quick, 1100);
  assert.equal(both.holdMs(slow, 1105), 0);
  both.leaves(quick);
  assert.equal(both.holdMs(slow, 1195), 0);
});

test("nothing is held back that is late already, or on a line where hardly a request fits between two fast polls", () => {
  const late = calendar(10);
  for (let instantMs = 1100; instantMs <= 5900; instantMs += 100) late.begins(quick, instantMs);
  assert.equal(late.holdMs(slow, 5995), 7);
  assert.equal(late.holdMs(slow, 6000), 0);
  assert.equal(calendar(30).holdMs(slow, 1095), 0);
});

test("one long answer is forgotten after many quick ones", () => {
  const both = calendar(20);
  for (let answer = 0; answer < 100; answer++) both.answered(1);
  assert.equal(both.holdMs(slow, 1090), 0);
});

interface SimulatedGroup {
  readonly intervalMs: number;
  readonly requests: number;
}

interface Outcome {
  readonly polls: number;
  /** From the instant of a poll until its first request was sent. */
  readonly longestDelayMs: number;
}

/** A line on which every answer takes as long, and the groups of the connection as they would ask: no clock but that of the simulation. */
function simulate(groups: readonly SimulatedGroup[], answerMs: number, endMs: number): readonly Outcome[] {
  const line = new PollCalendar();
  const waiting = new WaitingRequests<Waiting>();
  const states = groups.map((group, unitId) => ({
    ...group,
    unitId,
    requester: { ...outside, intervalMs: group.intervalMs },
    nextMs: 0,
    left: 0,
    polls: 0,
    isUnsent: false,
    longestDelayMs: 0,
  }));
  type Group = (typeof states)[number];
  const ask = ({ requester, unitId }: Group): void => waiting.push({ requester, unitId, dueMs: line.dueMs(requester) });
  let outstanding: { readonly group: Group; readonly untilMs: number } | undefined;
  for (let nowMs = 0; nowMs < endMs;) {
    if (outstanding !== undefined && nowMs >= outstanding.untilMs) {
      const { group } = outstanding;
      line.answered(answerMs);
      group.left--;
      if (group.left > 0) ask(group);
      else {
        group.polls++;
        group.nextMs = group.intervalMs * (Math.floor(nowMs / group.intervalMs) + 1);
      }
      outstanding = undefined;
    }
    for (const group of states) {
      if (group.left > 0 || nowMs < group.nextMs) continue;
      line.begins(group.requester, nowMs);
      group.left = group.requests;
      group.isUnsent = true;
      ask(group);
    }
    let heldUntilMs = Infinity;
    const next = outstanding === undefined ? waiting.next(() => false) : undefined;
    if (next !== undefined) {
      const group = states[next.unitId] as Group;
      const holdMs = line.holdMs(next.requester, nowMs);
      if (holdMs > 0) heldUntilMs = nowMs + holdMs;
      else {
        waiting.take(next);
        if (group.isUnsent && line.dueMs(group.requester) > warmUpMs)
          group.longestDelayMs = Math.max(group.longestDelayMs, nowMs - group.nextMs);
        group.isUnsent = false;
        outstanding = { group, untilMs: nowMs + answerMs };
      }
    }
    const instants = states.filter(({ left }) => left === 0).map(({ nextMs }) => nextMs);
    nowMs = Math.min(outstanding?.untilMs ?? Infinity, heldUntilMs, ...instants);
  }
  return states;
}

/** Until then nobody knows how long an answer takes. */
const warmUpMs = 2000;

test("a fast poll begins at its instant, whatever slow groups there are, as long as there is time for all", () => {
  const slowly = fc.record({
    intervalMs: fc.integer({ min: 500, max: 5000 }),
    share: fc.double({ min: 0, max: 0.25, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(slowly, { maxLength: 2 }),
      (answerMs, requests, slowGroups) => {
        const fastGroup = { intervalMs: Math.max(4 * answerMs * (requests + 1), 10), requests };
        const others = slowGroups.map(({ intervalMs, share }) => ({
          intervalMs,
          requests: Math.max(1, Math.floor((share * intervalMs) / answerMs)),
        }));
        const [first, ...rest] = simulate([fastGroup, ...others], answerMs, 30_000);
        assert.equal(first?.longestDelayMs, 0);
        for (const [index, { polls }] of rest.entries())
          assert.ok(polls >= Math.floor(25_000 / (others[index]?.intervalMs ?? 1)) - 1, `${polls} polls`);
      },
    ),
    { numRuns: 100 },
  );
});

test("every group is read again and again, also on a line that has no time for all", () => {
  const group = fc.record({
    intervalMs: fc.integer({ min: 10, max: 1000 }),
    requests: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(group, { minLength: 1, maxLength: 4 }),
      (answerMs, groups) => {
        const roundMs = groups.reduce((sum, { requests, intervalMs }) => sum + requests * answerMs + intervalMs, 0);
        for (const { polls } of simulate(groups, answerMs, 10 * roundMs)) assert.ok(polls >= 2, `${polls} polls`);
      },
    ),
    { numRuns: 100 },
  );
});
