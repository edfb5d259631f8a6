import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { distinctKeys } from "../../src/config/keys.ts";

// Few letters, and the very endings that the numbering invents: collisions of every degree.
const key = fc.tuple(
  fc.constantFrom("a", "b", "__proto__", ""),
  fc.array(fc.constantFrom(" (2)", " (3)", "[1]", "[2]"), { maxLength: 3 }),
);
const requests = fc.array(
  fc.record({ key: key.map(([name, ends]) => name + ends.join("")), count: fc.integer({ min: 1, max: 4 }) }),
  { maxLength: 12 },
);
const reserved = fc.array(
  key.map(([name, ends]) => name + ends.join("")),
  { maxLength: 3 },
);

test("all keys are distinct, from each other and from the reserved ones, and none is missing", () => {
  fc.assert(
    fc.property(requests, reserved, (asked, taken) => {
      const keys = distinctKeys(asked, taken);
      assert.deepEqual(
        keys.map((own) => own.length),
        asked.map(({ count }) => count),
      );
      const all = [...keys.flat(), ...new Set(taken)];
      assert.equal(new Set(all).size, all.length);
    }),
    { numRuns: 2000 },
  );
});

test("whoever asks first for a key that is not reserved gets it", () => {
  fc.assert(
    fc.property(requests, reserved, (asked, taken) => {
      const keys = distinctKeys(asked, taken);
      for (const [index, request] of asked.entries()) {
        const isFirst = asked.findIndex((other) => other.key === request.key) === index;
        if (isFirst && !taken.includes(request.key)) assert.equal(keys[index]?.[0], request.key);
      }
    }),
  );
});

test("a value added at the end changes no key before it unless it asks for an invented one", () => {
  fc.assert(
    fc.property(requests, fc.nat({ max: 3 }), (asked, count) => {
      const before = distinctKeys(asked, []);
      const after = distinctKeys([...asked, { key: "new", count: count + 1 }], []);
      assert.deepEqual(after.slice(0, -1), before);
    }),
  );
});

test("equal names are numbered in their order, however many", () => {
  const keys = distinctKeys(
    Array.from({ length: 10_000 }, () => ({ key: "x", count: 1 })),
    [],
  );
  assert.equal(keys.at(-1)?.[0], "x (10000)");
});
