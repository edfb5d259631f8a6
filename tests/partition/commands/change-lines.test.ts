import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../../../packages/image/src/journal-reader.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { csvLines, instant, jsonLines, textLines } from "../../../packages/partition/src/commands/change-lines.ts";

const point = { server: "S", key: "S: level", unit: "m" };

function change(type: BuiltInType, value: Change["value"], more: Partial<Change> = {}): Change {
  const times = { sourceNs: 0n, receivedNs: 1_500_000_000_000_000_000n, publishedNs: 1_500_000_000_000_001_999n };
  return { type, value, position: 0n, sequence: 7n, point: 0, group: 0, generation: 1, status: 0, ...times, ...more };
}

test("times have microseconds", () => {
  assert.equal(instant(1_500_000_000_123_456_789n), "2017-07-14T02:40:00.123456Z");
});

test("whatever a server sends stays on its line, and steers nothing", () => {
  const hostile = "\u001b[2J\u202e\n=1+1";
  const line = textLines.line(change(BuiltInType.String, hostile), { server: hostile, key: hostile, unit: hostile });
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  assert.equal(
    textLines.line(change(BuiltInType.Double, -0.1), point),
    "2017-07-14T02:40:00.000001Z  S  level = -0.1 m  Good",
  );
});

test("CSV quotes what needs it, and gives no spreadsheet a formula", () => {
  const field = (type: BuiltInType, value: Change["value"]): string =>
    csvLines
      .line(change(type, value), { server: "", key: "", unit: "" })
      .replace(/^[^,]*,[^,]*,,,,/, "")
      .replace(/,\w+,,Good,0,7$/, "");
  assert.equal(field(BuiltInType.String, 'a,"b"\nc'), '"a,""b""\nc"');
  assert.equal(field(BuiltInType.String, "=HYPERLINK(1)"), "'=HYPERLINK(1)");
  assert.equal(field(BuiltInType.Int32, -5), "-5");
  assert.equal(field(BuiltInType.Double, Number.NaN), "NaN");
  assert.equal(field(BuiltInType.Int64, 2n ** 63n - 1n), "9223372036854775807");
  assert.equal(field(BuiltInType.String, null), "");
  assert.equal(field(BuiltInType.DateTime, 0n), "0001-01-01T00:00:00Z");
  const formula = csvLines.line(change(BuiltInType.Int32, 1), { server: "=A", key: "+B", unit: "-C" });
  assert.match(formula, /,'=A,'\+B,1,Int32,'-C,/);
});

test("JSON has all digits of every number", () => {
  const line = jsonLines.line(change(BuiltInType.UInt64, 2n ** 64n - 1n), point);
  assert.match(line, /"publishedNs":1500000000000001999,.*"value":18446744073709551615,/);
  assert.deepEqual(Object.keys(JSON.parse(line) as object), [
    "publishedNs",
    "receivedNs",
    "sourceNs",
    "server",
    "key",
    "value",
    "type",
    "unit",
    "status",
    "statusCode",
    "sequence",
  ]);
});
