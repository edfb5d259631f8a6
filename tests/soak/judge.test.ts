import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bornValue } from "../faults/born-value.ts";
import { Judge, type Publication } from "./judge.ts";

const startMs = Date.UTC(2026, 0, 1);
const server = {
  alias: "A",
  service: "modbus",
  firstPlace: 40,
  points: 2,
  intervalMs: 1000,
  oldestGoodMs: 2300,
  recoveryMs: 3000,
};

/** The poll that ends 5 ms after the instant `second`. */
function poll(second: number, change: Partial<Publication> = {}): Publication {
  const publishedMs = startMs + second * 1000 + 5;
  return {
    server: "A",
    seenAtMs: publishedMs,
    publishedMs,
    isConnected: true,
    cycle: second,
    values: [bornValue(publishedMs - 2, 40), bornValue(publishedMs - 2, 41)],
    ...change,
  };
}

/** A judge that has seen polls until `begin`, and the instants 11 to 29 but those left out or changed. */
function judged(change: (second: number, judge: Judge) => Publication | undefined): Judge {
  const judge = new Judge([server]);
  for (let second = 1; second <= 10; second++) judge.publication(poll(second));
  judge.begin(startMs + 10_500);
  for (let second = 11; second < 30; second++) {
    const publication = change(second, judge);
    if (publication !== undefined) judge.publication(publication);
  }
  judge.settle(startMs + 29_900, true);
  return judge;
}

/** The server answers point 0 with an error; the image shows it, or does not. */
function withError(isShown: boolean) {
  return judged((second, judge) => {
    if (second !== 20) return poll(second);
    judge.injected({ server: "A", atMs: startMs + 20_003, points: [0] });
    return poll(second, isShown ? { values: [null, bornValue(startMs + 20_003, 41)] } : {});
  }).verdict;
}

describe("a judge of values", () => {
  test("has nothing to say against a server that answers at every instant", () => {
    const { verdict } = judged((second) => poll(second));
    assert.deepEqual([verdict.wrongAsGood, verdict.due, verdict.delivered], [0, 38, 38]);
    assert.equal(verdict.oldestGoodMs, 1002);
    assert.equal(verdict.judged, 2 * 29);
  });

  for (const [what, change, pattern] of [
    [
      "of another point",
      { values: [bornValue(startMs + 20_003, 41), bornValue(startMs + 20_003, 41)] },
      /value of p41/,
    ],
    ["from the future", { values: [bornValue(startMs + 20_009, 40), null] }, /4 ms from the future/],
    ["that was old when it came", { values: [bornValue(startMs + 17_000, 40), null] }, /3005 ms old/],
    ["under a lost connection", { isConnected: false }, /without a connection/],
  ] as const) {
    test(`finds a value ${what} that looks good`, () => {
      const { verdict } = judged((second) => poll(second, second === 20 ? change : {}));
      assert.notEqual(verdict.wrongAsGood, 0);
      assert.match(verdict.wrong.join("\n"), pattern);
    });
  }

  test("finds a value that grows old because nothing is published", () => {
    const { verdict } = judged((second, judge) => {
      if (second < 20) return poll(second);
      judge.look(startMs + second * 1000);
      return undefined;
    });
    assert.equal(verdict.wrongAsGood, 1);
    assert.match(verdict.wrong.join(), /A looks good with values 2997 ms old/);
  });

  test("finds a poll that is missing, and a bad value that nobody injected", () => {
    const missing = judged((second) => (second === 20 ? undefined : poll(second))).verdict;
    assert.deepEqual([missing.due - missing.delivered, missing.missing.length], [2, 1]);
    const bad = judged((second) =>
      poll(second, second === 20 ? { values: [null, bornValue(startMs + 20_003, 41)] } : {}),
    ).verdict;
    assert.deepEqual([bad.due - bad.delivered, bad.wrongAsGood], [1, 0]);
    assert.match(bad.missing.join(), /bad points 0 of A/);
  });

  test("counts a bad value that the server made as delivered, and finds one that looks good all the same", () => {
    const shown = withError(true);
    assert.deepEqual([shown.due - shown.delivered, shown.errorsShown, shown.wrongAsGood], [0, 1, 0]);
    assert.match(withError(false).wrong.join(), /points 0 of A look good, and the server answered an error/);
  });

  test("excuses what an outage and the recovery after it take, and not a moment more", () => {
    const { verdict } = judged((second, judge) => {
      if (second === 14) judge.outage("A", startMs + 14_100)(startMs + 16_500);
      return second >= 15 && second <= 20 ? undefined : poll(second);
    });
    // Out from 14.1 to 16.5, recovery to 19.5: the instants 14 to 19 are excused, 20 is not.
    assert.deepEqual([verdict.excused, verdict.due - verdict.delivered], [12, 2]);
    assert.deepEqual(verdict.recoveriesMs, [4505]);
  });
});
