// Writers of an image and a journal that are killed at random instants, and what is left of both.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import { OpenedJournal } from "../../packages/image/src/opened-journal.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import type { Change } from "../../packages/image/src/journal-reader.ts";
import { PatternWriterProcess } from "./pattern-writer-process.ts";
import { uniqueName } from "./test-writer.ts";

const points = 40;
/** From its first poll. */
const longestLifeMs = 20;

export interface LeftOvers {
  readonly kills: number;
  /** Of them, with changes in the journal of a publication that the image does not show. */
  readonly journalAhead: number;
  readonly changesRead: number;
}

/** Fails when a journal lacks a change that the image shows, has a part of a publication, a gap or a double, or is ahead by more than one. */
export async function killJournals(rounds: number): Promise<LeftOvers> {
  const name = uniqueName();
  const journalName = name.replace(/image$/, "journal");
  const load = (): Promise<PatternWriterProcess> => {
    const loading = PatternWriterProcess.load(name, points, "silent", journalName);
    loading.catch(() => {}); // awaited in the next round
    return loading;
  };
  let next = load();
  let journalAhead = 0;
  let changesRead = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      await using writer = await next;
      // The next one loads meanwhile.
      next = load();
      await writer.write();
      await pause(Math.random() * longestLifeMs);
      await writer.kill();
      const { isAhead, changes } = judge(name, journalName);
      journalAhead += Number(isAhead);
      changesRead += changes;
    }
  } finally {
    await (await next)[Symbol.asyncDispose]();
    for (const left of [name, `${name}.next`, journalName]) SharedMemoryObject.remove(left);
  }
  return { kills: rounds, journalAhead, changesRead };
}

function judge(name: string, journalName: string): { readonly isAhead: boolean; readonly changes: number } {
  using image = new OpenedImage(name);
  using journal = new OpenedJournal(journalName, "oldest");
  const snapshot = image.current()?.snapshot(0);
  assert.ok(snapshot, "the image has a whole poll");
  const shown = Number(snapshot.reading(0).value);
  const changes: Change[] = [];
  for (;;) {
    const found = journal.next();
    // The ring holds many rounds and not all: what was overwritten comes before the first change.
    assert.ok(found.lost === 0n || changes.length === 0);
    if (found.changes.length === 0) break;
    changes.push(...found.changes);
  }
  for (const [index, { sequence, value, point }] of changes.entries()) {
    const first = changes[0];
    assert.equal(sequence, (first?.sequence ?? 0n) + BigInt(index), "no gap and no double");
    // Every round changes every point, in their order: torn-pattern.ts.
    assert.equal(point, Number(sequence % BigInt(points)));
    assert.equal(value, 1 + Math.floor(Number(sequence) / points) + point);
  }
  const written = Number(changes.at(-1)?.sequence ?? -1n) + 1;
  assert.equal(written % points, 0, "a publication is in the journal as a whole");
  const ahead = written / points - shown;
  assert.ok(ahead === 0 || ahead === 1, `the image shows round ${shown}, the journal ends with ${written / points}`);
  assert.equal(journal.seek(snapshot.state.journalPosition), true);
  assert.equal(journal.next().changes.length, ahead * points, "since the snapshot");
  return { isAhead: ahead === 1, changes: changes.length };
}
