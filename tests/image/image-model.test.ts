import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Value } from "../../packages/image/src/values/value.ts";
import { imageOf, renewed, seen, serverOf } from "./sample-image.ts";

const points = 3;

interface Held {
  readonly value: Value;
  readonly status: number;
}

type Step =
  | { readonly kind: "begin" | "publish" }
  | { readonly kind: "number"; readonly index: number; readonly value: number }
  | { readonly kind: "value"; readonly index: number; readonly value: Value; readonly status: number }
  | { readonly kind: "status"; readonly index: number; readonly status: number }
  | { readonly kind: "replace"; readonly moreBytes: number };

const index = fc.nat({ max: points - 1 });
const status = fc.constantFrom(StatusCode.Good, 0x40000000, StatusCode.BadTimeout);
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.double().map((content): Value => ({ type: BuiltInType.Double, value: content })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((content): Value => ({ type: BuiltInType.UInt64, value: content })),
  fc
    .option(fc.string({ maxLength: 12, unit: "grapheme" }))
    .map((content): Value => ({ type: BuiltInType.String, value: content })),
  fc
    .array(fc.nat({ max: 65_535 }), { maxLength: 12 })
    .map((content): Value => ({ type: BuiltInType.UInt16, value: content })),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("begin", "publish") }) },
  fc.record({ kind: fc.constant("number"), index, value: fc.nat({ max: 65_535 }) }),
  fc.record({ kind: fc.constant("value"), index, value, status }),
  fc.record({ kind: fc.constant("status"), index, status }),
  fc.record({ kind: fc.constant("replace"), moreBytes: fc.nat({ max: 24 }) }),
);

/** What an image promises, said with two maps: what readers see, and what the open poll has so far. */
class Model {
  published: readonly Held[] = Array.from({ length: points }, () => ({
    value: { type: BuiltInType.Null, value: null },
    status: StatusCode.BadWaitingForInitialData,
  }));
  open: Held[] | undefined;

  set(at: number, held: Held): void {
    if (this.open !== undefined) this.open[at] = held;
  }

  setStatus(at: number, code: number): void {
    if (this.open !== undefined) this.open[at] = { ...this.open[at]!, status: code };
  }
}

test("any sequence of polls, sets, publications and new generations leaves what a simple model says", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let capacityBytes = 8;
      const server = () => serverOf("A", ...Array.from({ length: points }, () => capacityBytes));
      const { writer, blocks, ...image } = imageOf(server());
      const block = blocks[0]!;
      const model = new Model();
      let { reader } = image;
      for (const each of steps) {
        switch (each.kind) {
          case "begin":
            block.begin();
            model.open = [...model.published];
            break;
          case "publish":
            if (model.open === undefined) break; // a publication ends a poll, there is none
            block.publish(ConnectionState.connected, 1);
            model.published = model.open;
            model.open = undefined;
            break;
          case "number":
            block.setNumber(each.index, BuiltInType.UInt16, each.value);
            model.set(each.index, { value: { type: BuiltInType.UInt16, value: each.value }, status: StatusCode.Good });
            break;
          case "value":
            block.setValue(each.index, each.value, each.status);
            model.set(each.index, cut(each.value, each.status, capacityBytes));
            break;
          case "status":
            block.setStatus(each.index, each.status);
            model.setStatus(each.index, each.status);
            break;
          case "replace":
            capacityBytes += each.moreBytes;
            reader = renewed(writer, [server()]).reader;
        }
        const snapshot = seen(reader);
        const held = Array.from({ length: points }, (_, at) => ({
          value: snapshot.value(at),
          status: snapshot.status(at),
        }));
        assert.deepEqual(held, model.published);
      }
    }),
    { numRuns: 300 },
  );
});

/** Plain numbers have room in the record; of the others as much as fits, said in two lines of its own. */
function cut(content: Value, code: number, capacityBytes: number): Held {
  if (typeof content.value === "string") {
    let text = "";
    for (const character of content.value) {
      if (Buffer.byteLength(text + character) > capacityBytes) return limited({ ...content, value: text });
      text += character;
    }
  } else if (Array.isArray(content.value) && 2 * content.value.length > capacityBytes) {
    return limited({ ...content, value: content.value.slice(0, Math.floor(capacityBytes / 2)) });
  }
  return { value: content, status: code };
}

function limited(content: Value): Held {
  return { value: content, status: StatusCode.BadEncodingLimitsExceeded };
}
