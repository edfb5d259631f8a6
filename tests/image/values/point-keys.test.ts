import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decideKeys,
  decideServiceKeys,
  type KeyClaim,
  type KeyOwner,
  type RememberedNames,
} from "../../../packages/image/src/values/point-keys.ts";
import { pointOf } from "../sample-image.ts";

const none: RememberedNames = new Map();

/** What a node is in the configuration, and what the server says when it is asked. */
interface Node {
  readonly id: string;
  readonly expected: string;
  readonly settled?: string | undefined;
  readonly reported?: string | undefined;
}

function server(alias: string, ...nodes: readonly Node[]): KeyOwner {
  return {
    alias,
    connection: { key: `Connections:${alias}` },
    points: nodes.map(({ id, expected, settled, reported }) =>
      pointOf(settled ?? reported ?? expected, {
        place: `${alias} ${id}`,
        name: { identity: `${alias} ${id}`, isSettled: settled !== undefined, reported },
      }),
    ),
  };
}

function keysOf(servers: readonly KeyOwner[], remembered: RememberedNames) {
  const decision = decideServiceKeys(servers, remembered);
  return { ...decision, keys: decision.keys.flat().map(({ key }) => key) };
}

test("a key that only one point asks for is given as it is", () => {
  const { keys } = keysOf([server("A", { id: "x", expected: "2:x" }, { id: "y", expected: "2:y" })], none);
  assert.deepEqual(keys, ["2:x", "2:y"]);
});

test("of several claims the first or the last has the plain key, and the others say their place", () => {
  const claims = ["a", "b", "c"].map((place): KeyClaim => ({ wanted: "x", place }));
  assert.deepEqual(decideKeys(claims, [], "first"), ["x", "x (b)", "x (c)"]);
  assert.deepEqual(decideKeys(claims, [], "last"), ["x (a)", "x (b)", "x"]);
  assert.deepEqual(decideKeys([{ wanted: "x" }, { wanted: "x" }, { wanted: "x (2)" }], []), ["x", "x (3)", "x (2)"]);
});

function silentNode(id: string): Node {
  return { id, expected: `1:Display ${id}` };
}

function levelNode(id: string): Node {
  return { ...silentNode(id), reported: "1:Level" };
}

test("who has which key does not depend on who answers first, nor on whether the others have answered yet", () => {
  const { remembered, keys } = keysOf([server("A", levelNode("a")), server("B", levelNode("b"))], none);
  assert.deepEqual(keys, ["1:Level", "1:Level (B b)"]);
  for (const a of [levelNode, silentNode]) {
    for (const b of [levelNode, silentNode])
      assert.deepEqual(keysOf([server("A", a("a")), server("B", b("b"))], remembered).keys, keys);
  }
});

test("a key once given stays, although a point before it asks for it later", () => {
  const a = server("A", { id: "a", expected: "1:Display" });
  const b = server("B", { id: "b", expected: "1:Display", reported: "1:Level" });
  const first = keysOf([a, b], none);
  assert.deepEqual(first.keys, ["1:Display", "1:Level"]);
  const late = server("A", { id: "a", expected: "1:Display", reported: "1:Level" });
  assert.deepEqual(keysOf([late, b], first.remembered).keys, ["1:Level (A a)", "1:Level"]);
});

test("an expected name is as good as a reported one against the points after it", () => {
  const honest = server("A", { id: "a", expected: "1:Level" });
  const hostile = server("B", { id: "b", expected: "1:Other", reported: "1:Level" });
  assert.deepEqual(keysOf([honest, hostile], none).keys, ["1:Level", "1:Level (B b)"]);
});

test("a name in the configuration settles the key, before any remembered one", () => {
  const hostile = server("A", { id: "a", expected: "1:Other", reported: "1:Level" });
  const { remembered } = keysOf([hostile], none);
  const honest = server("B", { id: "b", expected: "1:Display", settled: "1:Level" });
  assert.deepEqual(keysOf([hostile, honest], remembered).keys, ["1:Level (A a)", "1:Level"]);
  assert.deepEqual(keysOf([hostile, honest], none).keys, ["1:Level (A a)", "1:Level"]);
});

test("a server that tells another name than before or than configured changes no key, and it is noticed", () => {
  const before = server("A", { id: "a", expected: "1:D", reported: "1:Level" });
  const { remembered } = keysOf([before], none);
  const now = server(
    "A",
    { id: "a", expected: "1:D", reported: "1:New" },
    { id: "b", expected: "1:D", settled: "1:B", reported: "1:C" },
  );
  const { keys } = decideServiceKeys([now], remembered);
  assert.deepEqual(
    keys.flat().map(({ key, otherName }) => [key, otherName]),
    [
      ["1:Level", "1:New"],
      ["1:B", "1:C"],
    ],
  );
});

test("only what was reported is remembered, and only of points that are still configured", () => {
  const { remembered } = keysOf(
    [server("A", { id: "a", expected: "1:a", reported: "1:A" }, { id: "b", expected: "1:b" })],
    none,
  );
  assert.deepEqual([...remembered], [["A a", { name: "1:A", key: "1:A" }]]);
  assert.equal(keysOf([server("A", { id: "c", expected: "1:c" })], remembered).remembered.size, 0);
});

test("a node that stands twice keeps both keys over restarts", () => {
  const twice = server(
    "A",
    { id: "a", expected: "1:D", reported: "1:L" },
    { id: "a", expected: "1:D", reported: "1:L" },
  );
  const { keys, remembered } = keysOf([twice], none);
  assert.deepEqual(keys, ["1:L", "1:L (A a)"]);
  assert.deepEqual(keysOf([twice], remembered).keys, keys);
});

test("equal names without a place are numbered, however many", () => {
  const claims = Array.from({ length: 10_000 }, () => ({ wanted: "x" }));
  assert.equal(decideKeys(claims, []).at(-1), "x (10000)");
});

// Few names, and the very endings that are invented: collisions of every degree.
const name = fc.constantFrom("x", "y", "z", "x (A 0)", "x (B 1)", "x (2)", "Connections:A", "__proto__", "");
const claim = fc.record({
  wanted: name,
  place: fc.option(fc.constantFrom("A 0", "B 1"), { nil: undefined }),
  isSettled: fc.boolean(),
  given: fc.option(name, { nil: undefined }),
});

test("keys are distinct from each other and from the reserved ones, whatever is claimed", () => {
  fc.assert(
    fc.property(fc.array(claim), fc.array(name), fc.constantFrom("first", "last"), (claims, reserved, winner) => {
      const keys = decideKeys(claims, reserved, winner);
      assert.equal(keys.length, claims.length);
      assert.equal(new Set([...keys, ...reserved]).size, keys.length + new Set(reserved).size);
      for (const [index, key] of keys.entries()) {
        const { wanted } = claims[index]!;
        const rivals = claims.filter((other) => other.wanted === wanted || other.given === wanted);
        if (rivals.length === 1 && claims[index]!.given === undefined && !reserved.includes(wanted))
          assert.equal(key, wanted);
      }
    }),
    { numRuns: 2000 },
  );
});

const life = fc.record({
  expected: fc.array(name, { minLength: 6, maxLength: 6 }),
  settled: fc.array(fc.option(name, { nil: undefined, freq: 4 }), { minLength: 6, maxLength: 6 }),
  browseNames: fc.array(name, { minLength: 6, maxLength: 6 }),
  /** Who answers in which order; a restart may come between any two. */
  events: fc.array(
    fc.oneof(
      fc.nat({ max: 5 }).map((point) => ({ point })),
      fc.constant("restart" as const),
      fc.record({ renames: fc.nat({ max: 5 }), to: name }),
    ),
    { maxLength: 20 },
  ),
});

test("whoever answers, in any order, with restarts between: no key ever moves from one point to another", () => {
  fc.assert(
    fc.property(life, ({ expected, settled, browseNames, events }) => {
      const names = [...browseNames];
      const answers = names.map((): string | undefined => undefined);
      const shown = new Map<string, number>();
      const keyOf = new Map<number, string>();
      let remembered = none;
      for (const event of [...events, "restart" as const]) {
        if (event === "restart") answers.fill(undefined);
        else if ("point" in event) answers[event.point] = names[event.point];
        else names[event.renames] = event.to;
        const nodes = expected.map((text, id) => ({
          id: String(id),
          expected: text,
          settled: settled[id],
          reported: answers[id],
        }));
        const decision = decideServiceKeys(
          [server("A", ...nodes.slice(0, 3)), server("B", ...nodes.slice(3))],
          remembered,
        );
        ({ remembered } = decision);
        for (const [point, { key, isExpected }] of decision.keys.flat().entries()) {
          if (isExpected) continue; // no value is shown under it
          assert.equal(shown.get(key) ?? point, point, "a key belongs to one point for ever");
          assert.equal(keyOf.get(point) ?? key, key, "a point keeps its key for ever");
          shown.set(key, point);
          keyOf.set(point, key);
        }
      }
    }),
    { numRuns: 2000 },
  );
});
