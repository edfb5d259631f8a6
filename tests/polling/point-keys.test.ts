import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { assignKeys, type AssignedKeys, type KeyOwner } from "../../src/polling/point-keys.ts";
import { pointOf } from "../process-image/sample-image.ts";

interface Server extends KeyOwner {
  connection: KeyOwner["connection"];
  points: KeyOwner["points"];
}

function server(alias: string, ...keys: readonly string[]): Server {
  return { alias, connection: { key: `Connections:${alias}` }, points: keys.map((key) => pointOf(key)) };
}

function given(keys: AssignedKeys, ...servers: readonly KeyOwner[]): readonly string[] {
  return servers.flatMap((each) => keys.get(each)!.map((assigned) => assigned.given));
}

test("a key wanted by one point only is given as wanted", () => {
  const servers = [server("A", "2:x", "2:y"), server("B", "2:z")];
  const { keys, clashes } = assignKeys(servers);
  assert.deepEqual(given(keys, ...servers), ["2:x", "2:y", "2:z"]);
  assert.deepEqual(clashes, []);
});

test("of points that want the same key the first gets it, the others one with their server's name, and it is told once", () => {
  const servers = [server("A", "2:x", "2:x"), server("B", "2:x", "2:x", "2:x")];
  const { keys, clashes } = assignKeys(servers);
  assert.deepEqual(given(keys, ...servers), ["2:x", "2:x (A)", "2:x (B)", "2:x (B) (2)", "2:x (B) (3)"]);
  assert.deepEqual(clashes[1], { server: "B", wanted: "2:x", given: "2:x (B)" });
  assert.equal(clashes.length, 4);
  assert.deepEqual(assignKeys(servers, keys).clashes, []);
});

test("a connection's key is never given to a point, not even when its server comes later", () => {
  const a = server("A", "Connections:A", "Connections:B");
  const first = assignKeys([a]);
  assert.deepEqual(given(first.keys, a), ["Connections:A (A)", "Connections:B"]);
  const second = assignKeys([a, server("B")], first.keys);
  assert.deepEqual(given(second.keys, a), ["Connections:A (A)", "Connections:B (A)"]);
});

test("a server that appears later, or learns other names, never takes over a key in use", () => {
  const [a, b] = [server("A", "2:expected"), server("B", "2:x")];
  const first = assignKeys([b]);
  a.points = [pointOf("2:x")];
  const second = assignKeys([a, b], first.keys);
  assert.deepEqual(given(second.keys, a, b), ["2:x (A)", "2:x"]);
  b.points = [pointOf("2:renamed")];
  const third = assignKeys([a, b], second.keys);
  assert.deepEqual(given(third.keys, a, b), ["2:x (A)", "2:renamed"], "what is free again is not taken over silently");
});

const wanted = fc.constantFrom("x", "y", "x (A)", "x (B)", "x (B) (2)", "Connections:A", "Connections:B", "z");
const state = fc.tuple(
  fc.subarray([0, 1, 2]),
  fc.array(fc.option(fc.array(wanted, { minLength: 4, maxLength: 4 })), { minLength: 3, maxLength: 3 }),
);

test("whatever servers come, go and learn, keys are distinct, and stay while their point wants the same", () => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 8 }), (states) => {
      const all = ["A", "B", "A"].map((alias) => server(alias, "x", "x", "y", "z"));
      all[2]!.connection = { key: "Connections:A 2" };
      let before: AssignedKeys = new Map();
      for (const [present, lessons] of states) {
        for (const [index, names] of lessons.entries())
          if (names !== null) all[index]!.points = names.map((name) => pointOf(name));
        const servers = present.map((index) => all[index]!);
        const connections = servers.map(({ connection }) => connection.key);
        const { keys } = assignKeys(servers, before);
        const everything = [...connections, ...given(keys, ...servers)];
        assert.equal(new Set(everything).size, everything.length, "distinct");
        for (const each of servers) {
          for (const [index, now] of keys.get(each)!.entries()) {
            assert.equal(now.wanted, each.points[index]!.key);
            const old = before.get(each)?.[index];
            if (old?.wanted === now.wanted && !connections.includes(old.given)) assert.equal(now.given, old.given);
          }
        }
        before = keys;
      }
    }),
    { numRuns: 1000 },
  );
});
