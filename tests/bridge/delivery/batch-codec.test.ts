import assert from "node:assert/strict";
import { test } from "node:test";
import { serialize } from "node:v8";
import { decodeBatch, encodeBatch } from "../../../packages/bridge/src/delivery/batch-codec.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { changeOf } from "../outputs/opened-output.ts";

test("every kind of value comes back as it was, with its point, times and place", () => {
  const changes = [
    changeOf("Kessel", "Temp", Number.NaN, { status: 0xc0000000, sourceNs: 5n, run: 2n ** 62n, position: 2n ** 50n }),
    changeOf("Kessel", "Zähler", 0, { type: BuiltInType.UInt64, value: 2n ** 64n - 1n }),
    changeOf("Pumpe", "Bytes", 0, { type: BuiltInType.ByteString, value: Uint8Array.of(1, 2) }),
    changeOf("Pumpe", "Matrix", 0, { type: BuiltInType.Int32, value: [1, 2, 3, 4], dimensions: [2, 2] }),
    changeOf("Pumpe", "Text", 0, { type: BuiltInType.String, value: null }),
  ];
  for (const isRepeat of [true, false])
    assert.deepEqual(decodeBatch(encodeBatch(changes, isRepeat)), { changes, isRepeat });
  const [first] = changes;
  assert.ok(first);
  const same = decodeBatch(encodeBatch([first, first], false));
  assert.equal(same?.changes[0]?.point, same?.changes[1]?.point);
  for (const unknown of [serialize({ version: 2 }), Buffer.of(255, 99, 1), Buffer.alloc(0)])
    assert.equal(decodeBatch(unknown), undefined);
});
