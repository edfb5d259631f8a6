import assert from "node:assert/strict";
import { test } from "node:test";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { HeldValues } from "../../../../../packages/partition/src/protocols/opcua/subscription/held-values.ts";
import { ItemStates } from "../../../../../packages/partition/src/protocols/opcua/subscription/item-states.ts";
import { RecordingSink } from "../../../../plant/recording-sink.ts";

test("what a message brought while a Read was under way is newer than what was read", () => {
  const states = new ItemStates(3);
  for (const item of [0, 1, 2]) states.created(item, item, 0);
  states.reported(0, 50);
  states.reported(1, 150);
  const sentMs = 100;
  const held = new HeldValues();
  held.setNumber(0, BuiltInType.Double, 10);
  held.setNumber(1, BuiltInType.Double, 11);
  held.setValue(2, { type: BuiltInType.Double, value: 12 }, StatusCode.Good);
  const sink = new RecordingSink();
  const set: number[] = [];
  sink.setNumber = (index) => void set.push(index);
  sink.setValue = (index) => void set.push(index);
  held.releaseTo(sink, (item) => !states.hasReportedSince(item, sentMs));
  assert.deepEqual(set, [0, 2], "the value of 1 came after the Read was sent");
});
