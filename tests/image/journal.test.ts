import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import * as fc from "fast-check";
import { planDirectory } from "../../packages/image/src/directory.ts";
import { privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import { journalHeader, journalRecord, markCount } from "../../packages/image/src/journal-layout.ts";
import { JournalReader, type Change, type Cursor } from "../../packages/image/src/journal-reader.ts";
import { JournalWriter, ringBytesIn } from "../../packages/image/src/journal-writer.ts";
import { ConnectionState, record } from "../../packages/image/src/layout.ts";
import { ImageError } from "../../packages/image/src/read-directory.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { checksumOf } from "./journal-pattern.ts";
import { poll, serverOf } from "./sample-image.ts";

const { String: Text, UInt16, Double } = BuiltInType;
const smallestRing = 64 * markCount;

function journalMemory(ringBytes = 64 * smallestRing): SharedArrayBuffer {
  return new SharedArrayBuffer(journalHeader.bytes + ringBytes);
}

function journalOf(ringBytes?: number) {
  const memory = journalMemory(ringBytes);
  const writer = new JournalWriter(memory, "modbus", 1n);
  writer.begin(0, 1, 0, 0);
  return { memory, writer, reader: new JournalReader(memory) };
}

/** An image with a journal beside it. */
function journalledImage(...servers: Parameters<typeof planDirectory>[0]) {
  const memory = journalMemory();
  const directory = planDirectory(servers);
  const image = privateMemory(directory.imageBytes);
  const writer = new ImageWriter({ service: "modbus", intervalMs: 1000 }, directory, image);
  writer.startJournal(memory);
  const groups = writer.blocks.flatMap((block) => block.groups);
  return { writer, groups, journal: new JournalReader(memory), image: new ImageReader(image.buffer) };
}

test("the first change of a journal is its oldest, also when it comes while a reader looks for that", (t) => {
  const source = new Uint32Array(record.bytes / 4);
  const load = Atomics.load.bind(Atomics);
  let isEarly = true;
  for (let look = 0; isEarly; look++) {
    const { writer, reader } = journalOf();
    let looks = 0;
    isEarly = false;
    const looking = t.mock.method(Atomics, "load", (words: Uint32Array, index: number) => {
      const loaded = load(words, index);
      if (looks++ === look) {
        isEarly = true;
        writer.append(0, source, 0, 0, 0);
        writer.commit();
      }
      return loaded;
    });
    const oldest = reader.oldest();
    looking.mock.restore();
    if (isEarly) assert.deepEqual([oldest.sequence, reader.since(oldest).changes.length], [0n, 1], `look ${look}`);
  }
});

const brief = ({ point, value, status }: Change) => [point, value, status] as const;

test("the journal has every change of value or status, in order, and nothing that stayed the same", () => {
  const { groups, journal } = journalledImage(serverOf("A", 0, 16), serverOf("B", 0));
  const start = journal.end();
  poll(groups[0]!, (sink) => {
    sink.setNumber(0, UInt16, 7);
    sink.setValue(1, { type: Text, value: "Öl" }, StatusCode.Good, { unixMs: 5, subMsNs: 6 });
  });
  poll(groups[0]!, (sink) => {
    sink.setNumber(0, UInt16, 7);
    sink.setValue(1, { type: Text, value: "Öl" }, StatusCode.Good, { unixMs: 9, subMsNs: 9 });
  });
  poll(groups[1]!, (sink) => sink.setNumber(0, Double, 1.5));
  poll(groups[0]!, (sink) => {
    sink.setNumber(0, UInt16, 7);
    sink.setValue(1, { type: Text, value: "Al" }, StatusCode.Good);
  });
  poll(groups[0]!, (sink) => sink.setStatus(0, StatusCode.BadTimeout));
  const { changes, lost } = journal.since(start);
  assert.deepEqual(changes.map(brief), [
    [0, 7, StatusCode.Good],
    [1, "Öl", StatusCode.Good],
    [2, 1.5, StatusCode.Good],
    [1, "Al", StatusCode.Good],
    [0, 7, StatusCode.BadTimeout],
  ]);
  assert.equal(lost, 0n);
  assert.deepEqual([changes[1]?.sourceNs, changes[1]?.group, changes[2]?.group], [5_000_006n, 0, 1]);
});

test("a poll that is given up leaves nothing in the journal", () => {
  const { groups, journal } = journalledImage(serverOf("A", 0));
  const start = journal.end();
  groups[0]!.begin();
  groups[0]!.setNumber(0, UInt16, 1);
  assert.deepEqual(journal.since(start).changes, []);
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 2));
  assert.deepEqual(journal.since(start).changes.map(brief), [[0, 2, StatusCode.Good]]);
});

test("a snapshot and everything since its position make the present, over new generations too", () => {
  const { writer, groups, journal, image } = journalledImage(serverOf("A", 0, 8), serverOf("B", 0));
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 1));
  const snapshot = image.snapshot(0)!;
  const at: Cursor = { ...journal.end(), position: snapshot.state.journalPosition };
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 2));
  const directory = planDirectory([serverOf("A", 0, 64), serverOf("B", 0)]);
  writer.replace(directory, privateMemory(directory.imageBytes), writer.blocks);
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 3));
  const later = planDirectory([serverOf("B", 0), serverOf("A", 0, 64)]);
  writer.replace(later, privateMemory(later.imageBytes), [writer.blocks[1], writer.blocks[0]]);
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 4));
  const { changes, lost } = journal.since(at);
  assert.deepEqual(
    changes.map(({ point, generation, value }) => [point, generation, value]),
    [
      [0, 1, 2],
      [0, 2, 3],
      [1, 3, 4],
    ],
  );
  assert.equal(lost, 0n);
  const reader = new ImageReader(writer.memory.buffer);
  assert.deepEqual([reader.generation, reader.pointsSince], [3, 3], "the points were renumbered with generation 3");
});

test("a new generation with the same servers keeps the numbers of its points", () => {
  const { writer } = journalledImage(serverOf("A", 0, 8));
  const directory = planDirectory([serverOf("A", 0, 64)]);
  writer.replace(directory, privateMemory(directory.imageBytes), writer.blocks);
  const reader = new ImageReader(writer.memory.buffer);
  assert.deepEqual([reader.generation, reader.pointsSince], [2, 1]);
});

test("another journal begins behind the one before, and every group names a position in it at once", () => {
  const { writer, groups, image } = journalledImage(serverOf("A", 0), serverOf("B", 0));
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 1));
  groups[1]!.begin();
  const before = image.snapshot(0)!;
  const memory = journalMemory();
  writer.startJournal(memory);
  const journal = new JournalReader(memory);
  assert.equal(journal.at(before.state.journalPosition), undefined, "a snapshot of before needs another one");
  assert.equal(journal.startedNs, image.startedNs);
  const now = image.snapshot(0)!;
  assert.deepEqual([now.state.journalPosition, now.number(0, UInt16)], [journal.end().position, 1]);
  assert.equal(now.state.publishedNs, before.state.publishedNs);
  groups[1]!.setNumber(0, UInt16, 5);
  groups[1]!.publish(ConnectionState.connected, 1);
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 2));
  const since = journal.at(now.state.journalPosition)!;
  assert.deepEqual(journal.since(since).changes.map(brief), [
    [1, 5, StatusCode.Good],
    [0, 2, StatusCode.Good],
  ]);
});

test("a change has the time of the publication that shows it, also when no answer brought it", () => {
  const { writer, groups, journal, image } = journalledImage(serverOf("A", 0));
  poll(groups[0]!, (sink) => sink.setNumber(0, UInt16, 1));
  writer.blocks[0]!.showEverywhere({ connection: ConnectionState.lost }, StatusCode.BadNoCommunication);
  const [first, second] = journal.since(journal.oldest()).changes;
  assert.equal(second?.publishedNs, image.snapshot(0)?.state.publishedNs);
  assert.equal(second?.receivedNs, first?.receivedNs);
  assert.ok((second?.publishedNs ?? 0n) > (first?.publishedNs ?? 0n));
});

test("delays are counted once for each change", () => {
  const { groups, image } = journalledImage(serverOf("A", 0));
  const at = { unixMs: Date.now() - 1000, subMsNs: 0 };
  for (let turn = 0; turn < 3; turn++)
    poll(groups[0]!, (sink) => sink.setValue(0, { type: Double, value: 1 }, StatusCode.Good, at));
  const counted = (name: "sourceToReceived" | "receivedToPublished") =>
    image.histogram(0, name).reduce((sum, count) => sum + count, 0);
  assert.deepEqual([counted("sourceToReceived"), counted("receivedToPublished")], [1, 1]);
  // A second is 2^(79/4) to 2^(80/4) us; the poll itself takes far less than another.
  const first = image.histogram(0, "sourceToReceived").findIndex((count) => count > 0);
  assert.ok(first >= 79 && first <= 84, String(first));
});

type Step = { readonly kind: "append"; readonly roomBytes: number } | { readonly kind: "commit" | "read" };

test("whatever is appended, committed and overrun: a reader gets every change once, or knows how many it lost", () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("append"), roomBytes: fc.nat({ max: 600 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("commit", "read") }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 400 }), fc.integer({ min: 1, max: 4 }), (steps, rings) => {
      const { reader, writer } = journalOf(rings * smallestRing);
      let cursor = reader.end();
      let next = 0; // number of the next record, of the last committed and of the last seen
      let committed = 0;
      let seen = 0;
      const source = new Uint32Array(2000);
      for (const each of steps) {
        if (each.kind === "append") {
          fill(source, next, each.roomBytes);
          const before = writer.position;
          writer.append(next, source, 0, record.bytes, each.roomBytes);
          // More than half of the ring is committed by itself.
          if (writer.position !== before) committed = next;
          next++;
        } else if (each.kind === "commit") {
          writer.commit();
          committed = next;
        } else {
          for (;;) {
            const { changes, lost, cursor: behind } = reader.since(cursor);
            seen += Number(lost);
            for (const change of changes) {
              assert.equal(change.point, seen, "in order, without a gap");
              assert.equal(String(change.value), textOf(seen, String(change.value).length));
              seen++;
            }
            const isDone = behind.position === cursor.position;
            cursor = behind;
            if (isDone) break;
          }
          assert.equal(seen, committed);
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** A record of an image as a text of that many bytes, its room right behind it. */
function fill(source: Uint32Array, number: number, roomBytes: number): void {
  source[record.value / 4] = roomBytes;
  source[record.value / 4 + 1] = 1;
  source[record.type / 4] = Text;
  Buffer.from(source.buffer).write(textOf(number, roomBytes), record.bytes);
}

function textOf(number: number, bytes: number): string {
  return `${number}/`.repeat(Math.ceil(bytes / 2) + 1).slice(0, bytes);
}

test("a reader that comes late begins at the oldest change that is still there", () => {
  const { writer, reader } = journalOf(smallestRing);
  const source = new Uint32Array(2000);
  for (let number = 0; number < 1000; number++) {
    fill(source, number, 8);
    writer.append(number, source, 0, record.bytes, 8);
    writer.commit();
  }
  const oldest = reader.oldest();
  const { changes, lost } = reader.since(oldest);
  assert.equal(lost, 0n);
  assert.equal(changes[0]?.sequence, oldest.sequence);
  assert.equal(changes.at(-1)?.point, 999);
  // The ring holds 64 records; what the writer has reserved and less than two stretches are not there.
  assert.ok(changes.length >= 0 && changes.length <= smallestRing / (journalRecord.bytes + 8));
});

test("a journal that takes the place of one that was lost goes on behind its positions", () => {
  const memory = new SharedArrayBuffer(journalHeader.bytes + smallestRing);
  const writer = new JournalWriter(memory, "opcua", 1n, 3 * smallestRing + 5);
  const reader = new JournalReader(memory);
  assert.deepEqual(
    [writer.position, reader.end().position, reader.service],
    [BigInt(4 * smallestRing), BigInt(4 * smallestRing), "opcua"],
  );
  assert.deepEqual(reader.since({ position: 5n, sequence: 0n }).changes, []);
});

test("memory that holds no whole journal is refused with a reason", () => {
  const { memory } = journalOf();
  assert.throws(() => new JournalReader(new SharedArrayBuffer(100)), ImageError);
  assert.throws(() => new JournalReader(new SharedArrayBuffer(4096)), /magic is not there/);
  assert.throws(() => new JournalReader(memory.slice(0, memory.byteLength - 8)), /cut short/);
  assert.equal(ringBytesIn(journalHeader.bytes + smallestRing - 1), 0);
});

test("a spoilt journal gives records or an ImageError, and never takes for ever", () => {
  const { memory, writer } = journalOf(4 * smallestRing);
  const source = new Uint32Array(2000);
  for (let number = 0; number < 300; number++) {
    fill(source, number, number % 50);
    writer.append(number, source, 0, record.bytes, number % 50);
  }
  writer.commit();
  const whole = new Uint8Array(memory).slice();
  const places = fc.array(
    fc.tuple(fc.nat({ max: whole.length / 4 - 1 }), fc.constantFrom(0, 1, 8, 0xffff, 0x7fffffff, 0xffffffff)),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(places, (spots) => {
      const spoilt = new Uint32Array(whole.slice().buffer);
      for (const [word, value] of spots) spoilt[word] = value;
      try {
        const reader = new JournalReader(spoilt.buffer);
        let cursor = reader.oldest();
        for (let turn = 0; turn < 100; turn++) ({ cursor } = reader.since(cursor, 100));
        reader.end();
      } catch (error) {
        assert.ok(error instanceof ImageError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

/** A journal that another thread writes as fast as it can until the test ends. */
async function written(t: TestContext): Promise<SharedArrayBuffer> {
  const memory = new SharedArrayBuffer(journalHeader.bytes + 16 * smallestRing);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("journal-writing-thread.ts", import.meta.url), { workerData: { memory, stop } });
  t.after(async () => {
    const ended = once(worker, "exit");
    Atomics.store(stop, 0, 1);
    await ended;
  });
  await once(worker, "message");
  return memory;
}

test(
  "a reader that is overrun again and again never sees a torn record, and its losses add up",
  { timeout: 200_000 },
  async (t) => {
    const reader = new JournalReader(await written(t));
    let cursor = reader.end();
    const first = cursor.sequence;
    let read = 0n;
    let lost = 0n;
    const endMs = performance.now() + 2000;
    while (performance.now() < endMs || lost === 0n || read < 10_000n) {
      const found = reader.since(cursor, 50);
      for (const change of found.changes) assert.equal(change.value, checksumOf(change.point));
      read += BigInt(found.changes.length);
      lost += found.lost;
      cursor = found.cursor;
      assert.equal(first + read + lost, cursor.sequence);
    }
  },
);

test(
  "counter-test: without the look at what is reserved, a torn record is seen at some time",
  { timeout: 200_000 },
  async (t) => {
    const memory = await written(t);
    const bytes = Buffer.from(memory);
    const ring = journalHeader.bytes;
    const length = journalRecord.bytes + 32;
    for (;;) {
      const copy = Buffer.from(bytes.subarray(ring, ring + length));
      if (copy.readUInt32LE(journalRecord.lengthBytes) !== length) continue;
      const text = copy.toString("utf8", journalRecord.bytes);
      if (text !== checksumOf(copy.readUInt32LE(journalRecord.point))) return;
    }
  },
);

test("a group's connection state is in its bank, and a loss is a change of every point", () => {
  const { writer, journal } = journalledImage(serverOf("A", 0, 0));
  const start = journal.end();
  writer.blocks[0]!.showEverywhere({ connection: ConnectionState.lost }, StatusCode.BadNoCommunication);
  assert.deepEqual(
    journal.since(start).changes.map(({ point, status }) => [point, status]),
    [
      [0, StatusCode.BadNoCommunication],
      [1, StatusCode.BadNoCommunication],
    ],
  );
});

function wanted(point: number, generation: number): boolean {
  return point % 7 === 3 && generation === 1;
}

test("changes that are not wanted are passed over, and what was lost is counted all the same", () => {
  const { writer, reader } = journalOf(2 * smallestRing);
  const source = new Uint32Array(record.bytes / 4);
  source[record.type / 4] = Double;
  const start = reader.end();
  for (let from = 0, cursor = start, lost = 0n; from < 400; from += 40) {
    for (let point = from; point < from + 40; point++) writer.append(point, source, 0, 0, 0);
    writer.commit();
    const all = reader.since(cursor);
    const some = reader.since(cursor, undefined, wanted);
    assert.deepEqual(
      some.changes,
      all.changes.filter(({ point, generation }) => wanted(point, generation)),
    );
    assert.deepEqual([some.lost, some.cursor], [all.lost, all.cursor]);
    // Every other time nobody reads, so that there is a gap.
    if (from % 80 === 0) [cursor, lost] = [some.cursor, lost + some.lost];
  }
  const overrun = reader.since(start, undefined, () => false);
  assert.deepEqual([overrun.changes, overrun.cursor], [[], reader.end()]);
  assert.equal(overrun.lost, reader.since(start).lost);
  assert.ok(overrun.lost > 0n);
});

test("a writer that dies between two stores of a commit leaves an end for readers that come later", (t) => {
  const { memory, writer } = journalOf();
  for (const point of [0, 1, 2]) {
    writer.append(point, new Uint32Array(record.bytes), 0, 0, 0);
    if (point < 2) writer.commit();
  }
  const stores = t.mock.method(Atomics, "store");
  stores.mock.mockImplementationOnce(() => {
    throw new RangeError("died");
  }, 1);
  assert.throws(() => writer.commit(), /died/);
  t.mock.restoreAll();
  const reader = new JournalReader(memory);
  const { changes } = reader.since(reader.end());
  assert.deepEqual(
    changes.map(({ point }) => point),
    [2],
    "the last change comes next",
  );
});
