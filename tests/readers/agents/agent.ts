// A reader in a process of its own, told by lines on standard input what to do; agent.c and agent.py are the same in their languages.
//
//   dump                          the whole image in the form of the test vectors, or "none"
//   wait MS                       1 or 0
//   take                          "ok N" with the publication of group 0, "lapped" or "none"
//   alive                         1 or 0: whether there is a writer
//   keep                          takes the poll of group 0 for `usable`: "kept"
//   usable MS good|uncertain      whether its first value is usable: "usable" or the reason
//   foreign                       reads the last point from the poll of group 0: "refused" (C and Python; here points are positions)
//   since NAME POSITION SEQUENCE  a journal in the form of the test vectors, or "none"
//   follow NAME end|oldest        1 or 0: whether there is a journal
//   next                          of it: {"points": [...], "lost": "N", "isNewJournal": B}
//   seek POSITION                 1 or 0
//   changes COUNT                 of the journal that is followed, as journal-pattern-writer.ts makes them: "read R lost L torn T unsaid U"
//   torn COUNT checked|unchecked  copies group 0 so often: "whole W torn T lapped L"
//
// Every answer ends with a line of one full stop.

import { createInterface } from "node:readline";
import {
  JournalReader,
  OpenedImage,
  OpenedJournal,
  usability,
  type GroupSnapshot,
} from "../../../packages/image/src/reader.ts";
import { journalHeader } from "../../../packages/image/src/journal-layout.ts";
import { OpenedObject } from "../../../packages/image/src/opened-object.ts";
import { imageJson, journalHeadJson, journalJson } from "../json-form.ts";
import { isWhole } from "../torn-pattern.ts";

const image = new OpenedImage(process.argv[2] ?? "");
let kept: GroupSnapshot | undefined;
let journal: OpenedJournal | undefined;

function answer(command: string, [first = "", second = "", third = ""]: readonly string[]): string {
  const reader = image.current();
  switch (command) {
    case "wait":
      return image.waitForPublish(Number(first)) ? "1" : "0";
    case "alive":
      return image.hasWriter() ? "1" : "0";
    case "dump":
      return reader === undefined ? "none" : JSON.stringify(imageJson(reader, (group) => reader.snapshot(group)));
    case "take": {
      const snapshot = reader?.snapshot(0);
      return reader === undefined ? "none" : snapshot === undefined ? "lapped" : `ok ${snapshot.published}`;
    }
    case "keep":
      kept = reader?.snapshot(0);
      return kept === undefined ? "none" : "kept";
    case "usable": {
      if (kept === undefined) return "none";
      const found = usability(image, kept, 0, { maxAgeMs: Number(first), acceptUncertain: second === "uncertain" });
      return found.isUsable ? "usable" : found.reason;
    }
    case "since":
      return since(first, BigInt(second), BigInt(third));
    case "follow":
      journal = new OpenedJournal(first, second === "oldest" ? "oldest" : "end");
      return journal.open() ? "1" : "0";
    case "next":
      return next();
    case "changes":
      return changes(Number(first));
    case "seek":
      return journal?.seek(BigInt(first)) === true ? "1" : "0";
    default:
      return torn(Number(first), second === "checked");
  }
}

function since(name: string, position: bigint, sequence: bigint): string {
  const opened = new OpenedObject(name, journalHeader.bytes, (memory) => new JournalReader(memory));
  try {
    const reader = opened.reopen();
    if (reader === undefined) return "none";
    return JSON.stringify({ ...journalHeadJson(reader), ...journalJson(reader, { position, sequence }) });
  } catch {
    return "none";
  } finally {
    opened.close();
  }
}

function next(): string {
  const points: number[] = [];
  let lost = 0n;
  let isNewJournal = false;
  for (;;) {
    const found = journal?.next();
    lost += found?.lost ?? 0n;
    isNewJournal ||= found?.isNewJournal ?? false;
    points.push(...(found?.changes ?? []).map(({ point }) => point));
    if (found === undefined || found.changes.length === 0) break;
  }
  return JSON.stringify({ points, lost: String(lost), isNewJournal });
}

/** Number of the change that must come next, if none is said to be lost. */
let expected = 0n;

function changes(most: number): string {
  const seen = { read: 0, lost: 0, torn: 0, unsaid: 0 };
  while (seen.read < most) {
    const found = journal?.next(1000);
    expected += found?.lost ?? 0n;
    seen.lost += Number(found?.lost ?? 0n);
    for (const { sequence, point, value } of found?.changes ?? []) {
      if (sequence !== expected) seen.unsaid++;
      expected = sequence + 1n;
      seen.read++;
      const word = Number(sequence & 0xffff_ffffn);
      const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0);
      let isRight = point === word && bytes.length === 4 * (word % 8);
      for (let at = 0; isRight && at < bytes.length; at += 4) isRight = bytes.readUInt32LE(at) === word;
      if (!isRight) seen.torn++;
    }
    if (found === undefined || found.changes.length === 0) break;
  }
  return `read ${seen.read} lost ${seen.lost} torn ${seen.torn} unsaid ${seen.unsaid}`;
}

function torn(count: number, isChecked: boolean): string {
  const seen = { whole: 0, torn: 0, lapped: 0 };
  let reader = image.current();
  let snapshot = reader?.reusableSnapshot(0);
  for (let n = 0; n < count; n++) {
    if (n % 1000 === 0 && image.current() !== reader) {
      reader = image.current();
      snapshot = reader?.reusableSnapshot(0);
    }
    const isAccepted = snapshot?.refresh(isChecked ? 100 : 1) === true;
    if (snapshot === undefined || (isChecked && !isAccepted)) seen.lapped++;
    else if (isWhole(snapshot)) seen.whole++;
    else seen.torn++;
  }
  return `whole ${seen.whole} torn ${seen.torn} lapped ${seen.lapped}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command = "", ...rest] = line.split(" ");
  process.stdout.write(`${answer(command, rest)}\n.\n`);
}
image.close();
journal?.close();
