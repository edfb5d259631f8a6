import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageBuilder, MessageSecurityMode, SecurityPolicy, ServiceFault } from "node-opcua-client";
import { followWrap } from "../../../../../packages/partition/src/protocols/opcua/channel/chunk-numbers.ts";
import { chunksOf } from "./response-chunks.ts";

const last = 4_294_966_271;
/** Behind the header of the chunk and the security token (OPC 10000-6, 6.7.2). */
const sequenceOffset = 16;

/** How many messages with these numbers a client takes before it ends the connection. */
function taken(numbers: readonly number[], follow = followWrap): number {
  const builder = new MessageBuilder(
    { getDerivedKey: () => null },
    { name: "test", securityMode: MessageSecurityMode.None },
  );
  builder.securityPolicy = SecurityPolicy.None;
  follow(builder);
  let messages = 0;
  builder.on("message", () => messages++);
  builder.on("error", () => {});
  for (const number of numbers) {
    const [chunk] = chunksOf(new ServiceFault({}), 8192);
    chunk?.writeUInt32LE(number, sequenceOffset);
    builder.feed(chunk ?? Buffer.alloc(0));
  }
  builder.dispose();
  return messages;
}

const some = (from: number, count = 5): readonly number[] => Array.from({ length: count }, (_, index) => from + index);

test("numbers begin again with less than 1024, behind the last one or one of those that are left", () => {
  for (const before of [last, last + 1, 2 ** 32 - 1])
    for (const after of [0, 1, 1023])
      assert.equal(taken([...some(before - 4), ...some(after)]), 10, `${after} behind ${before}`);
  const twice = [...some(last - 4), ...some(1)];
  assert.equal(taken(twice), 10);
  assert.equal(
    taken(twice, () => {}),
    5,
    "the library alone ends there",
  );
});

test("no other number is taken for the next", () => {
  for (const wrong of [
    [1, 2, 4],
    [7, 8, 7],
    [7, 8, 8],
    [last - 2, last - 1, 1],
    [last - 1, last, 1024],
    [last - 1, last, last + 2],
  ])
    assert.equal(taken(wrong), 2, wrong.join());
  for (const wrong of [
    [1, 3],
    [1, 1],
    [5, 4],
    [1, last + 2],
    [1023, 0],
  ])
    assert.equal(taken([last, ...wrong]), 2, `behind the wrap: ${wrong.join()}`);
});
