import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataType, DataValue, ReadResponse, Variant, VariantArrayType } from "node-opcua-client";
import {
  decodeWithinBudgets,
  streamOver,
  streamWithin,
} from "../../../../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { silenceNodeOpcUa } from "../../../../../packages/partition/src/protocols/opcua/silence.ts";
import { decodeTolerantly } from "../../../../../packages/partition/src/protocols/opcua/channel/tolerant-decoding.ts";
import { additionalHeaderBomb, header, text, typeId, words } from "../../../../plant/rogue-opcua.ts";

silenceNodeOpcUa();
decodeTolerantly();
decodeWithinBudgets();

const units = 1000;
const many = 5000;

function array(type: number, count: number, element: readonly number[]): Buffer {
  const elements = Buffer.concat(Array.from({ length: count }, () => Buffer.from(element)));
  return Buffer.concat([Buffer.from([0x80 | type]), words(count), elements]);
}

function response(...values: readonly Buffer[]): Buffer {
  const results = values.map((value) => Buffer.concat([Buffer.from([1]), value]));
  return Buffer.concat([header(1), words(results.length), ...results, words(-1)]);
}

/** What is left of so many units. Throws as the decoder does. */
function decode(message: Buffer, most = units): number {
  const { stream, budget } = streamWithin(message, most);
  new ReadResponse().decode(stream);
  return budget.left;
}

const structure = Buffer.concat([typeId(17_537), Buffer.from([1])]);

// prettier-ignore
const bombs: Readonly<Record<string, Buffer>> = {
  "empty DataValues in an array": response(array(DataType.DataValue, many, [0])),
  "empty Variants in an array": response(array(DataType.Variant, many, [0])),
  "texts without characters": response(array(DataType.String, many, [0, 0, 0, 0])),
  "Booleans": response(array(DataType.Boolean, many, [1])),
  "numbers in a value in an array": response(array(DataType.Variant, 1, [...array(DataType.Byte, many, [1])])),
  "numbers in a value with a status and a time": response(array(DataType.DataValue, 1, [1, ...array(DataType.Float, many, [0, 0, 0, 0])])),
  "arrays of arrays of arrays": response(array(DataType.Variant, 30, [...array(DataType.Variant, 3, [...array(DataType.String, 20, [0, 0, 0, 0])])])),
  "extension objects that cannot be decoded": response(array(DataType.ExtensionObject, 900, [...structure, 2, 0, 0, 0, 7, 7])),
  "a structure full of empty values": response(Buffer.concat([Buffer.from([DataType.ExtensionObject]), structure, text(Buffer.concat([words(1), Buffer.alloc(2), text(""), array(DataType.DataValue, many, [0])]))])),
  "diagnostics": Buffer.concat([header(1), words(0), words(many), Buffer.alloc(many)]),
  "dimensions of a matrix": response(Buffer.concat([Buffer.from([0xc0 | DataType.Byte]), words(0, many), Buffer.alloc(4 * many, 1)])),
  "the header": Buffer.concat([additionalHeaderBomb(many), words(-1)]),
};

describe("a message from which too much would become is not decoded to its end", () => {
  for (const [what, message] of Object.entries(bombs)) {
    test(what, () => {
      let left = units;
      try {
        left = decode(Buffer.from(message));
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
        left = -1;
      }
      // A structure that cannot be decoded is passed over by the library; that the budget is used up remains.
      assert.ok(left < 0, `${left} units are left`);
    });

    test(`${what}: with budget enough it is decoded, so it was the budget`, () => {
      assert.ok(decode(Buffer.from(message), 1_000_000) >= 0);
    });
  }
});

test("numbers lie in the message's own memory and take nothing", () => {
  const doubles = new Variant({
    dataType: DataType.Double,
    arrayType: VariantArrayType.Array,
    value: new Float64Array(many),
  });
  assert.ok(decode(response(array(doubles.dataType, many, [0, 0, 0, 0, 0, 0, 0, 0]))) > units - 50);
});

test("a thousand values take a small part of what a session may", () => {
  const scalar = Buffer.concat([Buffer.from([DataType.Double]), Buffer.alloc(8)]);
  const left = decode(response(...Array.from({ length: 1000 }, () => scalar)), 131_072);
  assert.ok(left > 120_000, `${left} units are left`);
});

test("what is decoded later from a part of the message takes from what the message left", () => {
  const message = response(
    Buffer.concat([Buffer.from([DataType.ByteString]), text(array(DataType.String, 600, [0, 0, 0, 0]))]),
  );
  const { stream } = streamWithin(message, units);
  const read = new ReadResponse();
  read.decode(stream);
  const [result] = read.results as [DataValue];
  const body = result.value.value as Buffer;
  const later = (): unknown =>
    new Variant().decode(new (stream.constructor as new (bytes: Buffer) => typeof stream)(body));
  later();
  assert.throws(later, RangeError);
});

test("numbers in a structure that is decoded later take from it, too", () => {
  const message = array(DataType.Byte, 400, [1]);
  const { budget } = streamWithin(message, units);
  new Variant().decode(streamOver(message));
  assert.ok(budget.left <= units - 100, `${budget.left} units are left`);
});

test("messages that are none of ours have no budget", () => {
  const { stream } = streamWithin(Buffer.alloc(0), 1);
  const Stream = stream.constructor as new (bytes: Buffer) => typeof stream;
  const foreign = new Stream(Buffer.from(new Uint8Array(array(DataType.String, many, [0, 0, 0, 0]))));
  const variant = new Variant();
  variant.decode(foreign);
  assert.equal((variant.value as readonly string[]).length, many);
});
