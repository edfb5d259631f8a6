// Messages of subscriptions whose values stay bytes, against the library's decoding of the same message: the same items with the same values, the same end, and as
// much taken from the budget. What the library passes over without a word is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  DataChangeNotification,
  PublishResponse,
  RepublishResponse,
  StatusChangeNotification,
} from "node-opcua-client";
import {
  decodeWithinBudgets,
  streamWithin,
  type Stream,
} from "../../../../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import {
  PublishResults,
  RepublishResults,
} from "../../../../../packages/partition/src/protocols/opcua/channel/notification-results.ts";
import { decodeTolerantly } from "../../../../../packages/partition/src/protocols/opcua/channel/tolerant-decoding.ts";
import {
  isBroken,
  rememberBrokenStructures,
} from "../../../../../packages/partition/src/protocols/opcua/channel/whole-structures.ts";
import { silenceNodeOpcUa } from "../../../../../packages/partition/src/protocols/opcua/silence.ts";
import { header, typeId, words } from "../../../../plant/rogue-opcua.ts";
import { dataValue, diagnostics, shapeOf, spoiled, units } from "./any-data-value.ts";

silenceNodeOpcUa();
decodeTolerantly();
decodeWithinBudgets();
rememberBrokenStructures();

const dataChange = 811;
const statusChange = 820;
const eventList = 916;

/** `off`: by so much the length is wrong. */
function notification(id: number, body: Buffer, off = 0): Buffer {
  return Buffer.concat([typeId(id), Buffer.from([1]), words(body.length + off), body]);
}

const handle = fc.oneof(fc.nat({ max: 3 }), fc.constant(0xffff_fffe));
const changes = fc
  .tuple(fc.array(fc.tuple(handle, dataValue), { maxLength: 6 }), fc.constantFrom(0, 0, 0, 0, 0, 1, -1), diagnostics)
  .map(([items, wrong, rest]) =>
    Buffer.concat([
      words(items.length + wrong),
      ...items.flatMap(([clientHandle, value]) => [words(clientHandle), value]),
      rest,
    ]),
  );
const ends = fc.nat({ max: 0xffff_ffff }).map((status) => Buffer.concat([words(status), Buffer.from([0])]));
const off = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, -1, -10_000);
const data = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(changes, off).map(([body, wrong]) => notification(dataChange, body, wrong)) },
  { weight: 1, arbitrary: fc.tuple(ends, off).map(([body, wrong]) => notification(statusChange, body, wrong)) },
  { weight: 1, arbitrary: fc.constantFrom(Buffer.alloc(3), notification(eventList, words(0))) },
);
const notificationMessage = fc
  .tuple(fc.nat({ max: 0xffff_ffff }), fc.array(data, { maxLength: 3 }))
  .map(([number, all]) => Buffer.concat([words(number), Buffer.alloc(8, 1), words(all.length), ...all]));
const beforeMessage = Buffer.concat([header(1), words(7, 1, 4), Buffer.from([1])]);
const publish = notificationMessage.map((one) => Buffer.concat([beforeMessage, one, words(1, 0, 0)]));

interface Content {
  readonly number: number;
  readonly ended: unknown;
  readonly values: unknown;
}

type Outcome = { readonly is: "refused" } | (Content & { readonly is: "taken"; readonly left: number });

function outcomeOf<Of extends { decode(stream: Stream): void }>(
  kind: new () => Of,
  bytes: Buffer,
  most: number,
  see: (answer: Of) => Content | undefined,
): Outcome {
  const { stream, budget } = streamWithin(Buffer.from(bytes), most);
  const answer = new kind();
  try {
    answer.decode(stream);
  } catch (error) {
    assert.ok(error instanceof Error);
    return { is: "refused" };
  }
  const { left } = budget;
  const seen = left < 0 ? undefined : see(answer);
  return seen === undefined ? { is: "refused" } : { is: "taken", left, ...seen };
}

function ofLibrary(bytes: Buffer, most: number): Outcome {
  return outcomeOf(PublishResponse, bytes, most, ({ notificationMessage: message }) => {
    const all = message.notificationData ?? [];
    const known = all.filter((one) => one instanceof DataChangeNotification || one instanceof StatusChangeNotification);
    if (known.some(isBroken)) return undefined;
    const ended = known.findLast((one) => one instanceof StatusChangeNotification)?.status.value;
    const values = known.flatMap((one) =>
      one instanceof DataChangeNotification
        ? (one.monitoredItems ?? []).map(({ clientHandle, value }) => ({ clientHandle, value: shapeOf(value) }))
        : [],
    );
    return { number: message.sequenceNumber, ended, values };
  });
}

function contentOf({ notificationMessage: message }: PublishResults | RepublishResults): Content {
  const { clientHandles, values, ended, sequenceNumber: number } = message;
  assert.equal(values.count, clientHandles.length);
  const shapes = clientHandles.map((clientHandle, at) => ({ clientHandle, value: shapeOf(values.at(at)) }));
  return { number, ended, values: shapes };
}

function inPlace(bytes: Buffer, most: number): Outcome {
  return outcomeOf(PublishResults, bytes, most, contentOf);
}

test("whatever a server reports, its items get the values of the library's objects, and what is not whole is refused", () => {
  const fates = { refused: 0, taken: 0 };
  fc.assert(
    fc.property(publish, units, (bytes, most) => {
      const expected = ofLibrary(bytes, most);
      assert.deepEqual(inPlace(bytes, most), expected);
      fates[expected.is]++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(fates.refused > 300 && fates.taken > 1000, JSON.stringify(fates));
});

test("a message that is cut off or spoiled is refused, or has the values that the library sees in it", () => {
  const fates = { refused: 0, taken: 0 };
  let onlyOurs = 0;
  fc.assert(
    fc.property(spoiled(publish), units, (bytes, most) => {
      const seen = inPlace(bytes, most);
      fates[seen.is]++;
      const expected = ofLibrary(bytes, most);
      if (seen.is === "taken" && expected.is === "refused") onlyOurs++;
      if (seen.is === "refused" || expected.is === "refused") return;
      // Of notifications of other kinds the library makes objects.
      assert.deepEqual({ ...seen, left: 0 }, { ...expected, left: 0 });
    }),
    { numRuns: 3000 },
  );
  assert.ok(fates.refused > 500 && fates.taken > 50, JSON.stringify(fates));
  // The library may stumble over a notification of another kind, which is passed over here.
  assert.ok(onlyOurs <= 3, `${onlyOurs} messages that the library refuses`);
});

test("a message that comes again has what it had the first time", () => {
  fc.assert(
    fc.property(notificationMessage, (bytes) => {
      const again = Buffer.concat([header(1), bytes]);
      const first = inPlace(Buffer.concat([beforeMessage, bytes, words(1, 0, 0)]), 131_072);
      const second = outcomeOf(RepublishResults, again, 131_072, contentOf);
      assert.deepEqual({ ...second, left: 0 }, { ...first, left: 0 });
    }),
    { numRuns: 300 },
  );
});

test("the library does not refuse what it cannot decode", () => {
  // When this fails, notifications can be left to it.
  const body = Buffer.concat([words(1, 5), Buffer.from([0xff]), words(0)]);
  const bytes = Buffer.concat([
    beforeMessage,
    words(1),
    Buffer.alloc(8),
    words(1),
    notification(dataChange, body),
    words(1, 0, 0),
  ]);
  const response = new PublishResponse(null);
  response.decode(streamWithin(bytes, 1000).stream);
  assert.equal(response.notificationMessage.notificationData?.length, 1);
  assert.deepEqual(inPlace(bytes, 1000), { is: "refused" });
  assert.equal(new RepublishResponse(null).notificationMessage.notificationData?.length, 0);
});

test("a message of thousands of notifications takes no more memory than its values", (t) => {
  let words32 = 0;
  const { Uint32Array } = globalThis;
  class Counted extends Uint32Array {
    constructor(length: number) {
      super(length);
      words32 += length;
    }
  }
  globalThis.Uint32Array = Counted as unknown as typeof Uint32Array;
  t.after(() => (globalThis.Uint32Array = Uint32Array));
  const item = Buffer.concat([words(1), Buffer.alloc(1)]);
  const of = (count: number): Buffer =>
    notification(dataChange, Buffer.concat([words(count), ...Array.from({ length: count }, () => item), words(0)]));
  const all = [of(1000), ...Array.from({ length: 2000 }, (_, at) => of(at % 2))];
  const bytes = Buffer.concat([beforeMessage, words(1), Buffer.alloc(8), words(all.length), ...all, words(0, 0)]);
  const response = new PublishResults();
  response.decode(streamWithin(bytes, 131_072).stream);
  assert.equal(response.notificationMessage.values.count, 2000);
  assert.ok(words32 <= 4 * 2000, `${words32} words`);
});
