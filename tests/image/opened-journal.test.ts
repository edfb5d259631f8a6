import assert from "node:assert/strict";
import { test } from "node:test";
import { journalHeader } from "../../packages/image/src/journal-layout.ts";
import { ImageError, OpenedJournal } from "../../packages/image/src/reader.ts";
import { TestJournal } from "../readers/test-journal.ts";

function next(opened: OpenedJournal, most?: number) {
  const { changes, lost, isNewJournal } = opened.next(most);
  return { points: changes.map(({ point }) => point), lost, isNewJournal };
}

const none = { points: [], lost: 0n, isNewJournal: false };

test("a journal is followed from its end or from its oldest change", () => {
  using journal = new TestJournal();
  journal.append(1, 2);
  using late = new OpenedJournal(journal.name);
  using early = new OpenedJournal(journal.name, "oldest");
  assert.equal(late.open(), true);
  journal.append(3, 4);
  assert.deepEqual(next(late), { ...none, points: [3, 4] });
  assert.deepEqual(next(late), none);
  assert.deepEqual(next(early, 3), { ...none, points: [1, 2, 3] });
  assert.deepEqual(next(early, 3), { ...none, points: [4] });
});

test("what is passed over is bounded, too, and the end is said", () => {
  using journal = new TestJournal();
  journal.append(...Array.from({ length: 40 }, () => 5), 7);
  using opened = new OpenedJournal(journal.name, "oldest");
  const calls = Array.from({ length: 4 }, () => opened.next(1, (point) => point === 7));
  assert.deepEqual(
    calls.map(({ changes, isEnd }) => [changes.length, isEnd]),
    [
      [0, false],
      [0, false],
      [1, false],
      [0, true],
    ],
  );
});

test("a journal goes on at the position of a snapshot, as long as it still has what is behind it", () => {
  using journal = new TestJournal();
  using opened = new OpenedJournal(journal.name);
  const position = journal.append(1, 2);
  journal.append(3);
  assert.equal(opened.seek(position), true);
  assert.deepEqual(next(opened), { ...none, points: [3] });
  const end = journal.append(4);
  assert.equal(opened.seek(end), true);
  assert.deepEqual(next(opened), none);
  assert.equal(opened.seek(end + 4096n), false, "it is another journal's");
  journal.append(...Array.from({ length: 1000 }, () => 5));
  assert.equal(opened.seek(position), false, "it was overwritten");
});

test("a journal that was replaced is read to its end, then the next one from its beginning", () => {
  using journal = new TestJournal();
  using opened = new OpenedJournal(journal.name);
  opened.open();
  journal.append(1, 2);
  journal.replace();
  journal.append(7, 8);
  assert.deepEqual(next(opened), { ...none, points: [1, 2] });
  assert.deepEqual(next(opened), { points: [7, 8], lost: 0n, isNewJournal: true });
  journal.replace();
  journal.append(...Array.from({ length: 1000 }, (_, n) => n));
  const { points, lost, isNewJournal } = next(opened);
  assert.deepEqual([points.length + Number(lost), points.at(-1), isNewJournal], [1000, 999, true]);
});

test("a position that is sought in a journal that was replaced leaves no place of the old one behind", () => {
  using journal = new TestJournal();
  using opened = new OpenedJournal(journal.name);
  journal.append(...Array.from({ length: 50 }, () => 1));
  const position = journal.append(2);
  assert.equal(opened.seek(position), true);
  journal.replace();
  journal.append(3);
  assert.equal(opened.seek(position), false);
  assert.deepEqual(next(opened), { points: [3], lost: 0n, isNewJournal: true });
});

test("a journal may come later, and go", () => {
  using journal = new TestJournal();
  journal.remove();
  using opened = new OpenedJournal(journal.name);
  assert.equal(opened.open(), false);
  assert.deepEqual(next(opened), none);
  assert.equal(opened.seek(0n), false);
  journal.replace();
  journal.append(1);
  assert.deepEqual(next(opened), { points: [1], lost: 0n, isNewJournal: true });
  journal.remove();
  assert.deepEqual(next(opened), none);
});

test("a journal that contradicts itself is an ImageError", () => {
  using journal = new TestJournal();
  journal.append(1);
  journal.spoil(journalHeader.lastRecord, 4);
  using opened = new OpenedJournal(journal.name);
  assert.throws(() => opened.open(), ImageError);
});
