import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readResponseStart } from "../../../../../packages/partition/src/protocols/opcua/channel/response-header.ts";
import { Random } from "../../../../fuzzing/random.ts";
import { header, text, typeId, words } from "../../../../plant/rogue-opcua.ts";

const readResponse = 634;
const requestId = 17;
const fields = Buffer.from("the fields");
const shortest = Buffer.concat([header(requestId), fields]);

function start(...parts: readonly Buffer[]): { typeId: number; bytes: Buffer } {
  return readResponseStart(Buffer.concat([typeId(readResponse), ...parts, fields]), requestId);
}

describe("the header of a response is passed over", () => {
  // prettier-ignore
  const diagnostics: readonly (readonly [what: string, bytes: Buffer])[] = [
    ["none", Buffer.from([0])],
    ["all fields", Buffer.concat([Buffer.from([0x3f]), words(1, 2, 3, 4), text("more"), words(5)])],
    ["one in another in another", Buffer.concat([Buffer.from([0x41]), words(1), Buffer.from([0x40, 0x10]), text("inner")])],
    ["a text of no length", Buffer.concat([Buffer.from([0x10]), words(-1)])],
    ["a hundred thousand, one in another", Buffer.concat([Buffer.alloc(100_000, 0x40), Buffer.from([0])])],
  ];
  const tables = [words(-1), words(0), Buffer.concat([words(3), text("a"), words(-1), text("")])];
  const additional = [
    Buffer.alloc(3),
    Buffer.concat([typeId(17_537), Buffer.from([1]), text("body")]),
    Buffer.concat([Buffer.from([2, 0, 0, 9, 0, 0, 0, 0])]),
    Buffer.concat([Buffer.from([3, 1, 0]), text("name"), Buffer.from([2]), text("<xml/>")]),
    Buffer.concat([Buffer.from([4]), Buffer.alloc(18), Buffer.from([1]), words(-1)]),
    Buffer.concat([Buffer.from([5, 0, 0]), text("opaque"), Buffer.from([0])]),
  ];

  for (const [what, diagnostic] of diagnostics) {
    test(`diagnostics: ${what}`, () => {
      for (const table of tables) {
        for (const one of additional) {
          const { bytes, ...rest } = start(header(requestId, diagnostic, table, one));
          assert.deepEqual(rest, { typeId: readResponse });
          assert.deepEqual(bytes, shortest);
        }
      }
    });
  }

  test("the request handle is that of the request, whatever the server says", () => {
    assert.deepEqual(start(header(4711)).bytes, shortest);
  });
});

test("a type is read in each of the forms that numbers have", () => {
  for (const form of [
    [1, 0, 0x7a, 2],
    [2, 0, 0, 0x7a, 2, 0, 0],
  ]) {
    const { typeId: type } = readResponseStart(Buffer.concat([Buffer.from(form), header(1)]), 1);
    assert.equal(type, readResponse);
  }
  assert.equal(readResponseStart(Buffer.concat([Buffer.from([0, 99]), header(1)]), 1).typeId, 99);
  for (const form of [
    [1, 1, 0x7a, 2],
    [3, 0, 0, 0, 0, 0, 0],
    [9, 0],
  ]) {
    assert.throws(() => readResponseStart(Buffer.concat([Buffer.from(form), header(1)]), 1), RangeError);
  }
});

test("what is cut off, or says that there is more than there is, is a RangeError", () => {
  const whole = Buffer.concat([
    typeId(readResponse),
    header(
      1,
      Buffer.from([0x10]),
      text("diagnostics"),
      words(1),
      text("table"),
      typeId(5),
      Buffer.from([1]),
      text("body"),
    ),
  ]);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readResponseStart(Buffer.from(whole.subarray(0, length)), 1), RangeError, `${length} bytes`);
  }
  for (let input = 0; input < 20_000; input++) {
    const random = new Random(1, input);
    const spoiled = Buffer.from(whole);
    spoiled.writeUInt32LE(random.next(), random.below(whole.length - 3));
    try {
      readResponseStart(spoiled, 1);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  }
});

test("a length below nothing, which would lead back to what was read, and a body of an unknown kind are a RangeError", () => {
  const noDiagnostics = Buffer.from([0]);
  for (const [table, additional] of [
    [Buffer.concat([words(2), words(-4), words(-8)]), Buffer.alloc(3)],
    [words(-1), Buffer.concat([typeId(5), Buffer.from([3]), text("body")])],
  ] as const)
    assert.throws(() => start(header(1, noDiagnostics, table, additional)), RangeError);
});
