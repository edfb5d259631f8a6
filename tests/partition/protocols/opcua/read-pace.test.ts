import assert from "node:assert/strict";
import { test } from "node:test";

import { pacesOf, ReadPace } from "../../../../packages/partition/src/protocols/opcua/read-pace.ts";

test("only groups that are slower than the fastest have a pace", () => {
  const paces = pacesOf([100, 1000, undefined].map((intervalMs) => ({ name: "", points: [0], intervalMs })));
  assert.deepEqual(
    paces.map((pace) => pace?.nodes),
    [undefined, 200, 200],
  );
  assert.deepEqual(pacesOf([{ name: "", points: [0], intervalMs: 100 }]), [undefined]);
});

test("requests get smaller until an answer takes a tenth of the faster interval, larger while it is quick", () => {
  // 0.2 ms for each node.
  const slow = new ReadPace(100);
  for (let poll = 0; poll < 10; poll++) slow.answered(slow.nodes, 0.2 * slow.nodes);
  assert.equal(slow.nodes, 50);
  const quick = new ReadPace(100);
  for (let poll = 0; poll < 10; poll++) quick.answered(quick.nodes, 0.002 * quick.nodes);
  assert.equal(quick.nodes, 1000);
});

test("a line on which even little takes long gets no smaller requests than it helps, and a small last one teaches nothing", () => {
  const far = new ReadPace(100);
  for (let poll = 0; poll < 10; poll++) far.answered(far.nodes, 80);
  assert.equal(far.nodes, 25);
  const one = new ReadPace(100);
  one.answered(3, 0.1);
  one.answered(3, 50);
  assert.equal(one.nodes, 200);
});
