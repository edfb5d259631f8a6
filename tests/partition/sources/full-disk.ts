// What the partition remembers, on a disk that is full for a while: run in a process that has a small /dev/shm of its own.

import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { NamesFile } from "../../../packages/partition/src/sources/names-file.ts";
import { until } from "../../until.ts";
import { recordingLog } from "./test-source.ts";

const folder = "/dev/shm/state";
const path = `${folder}/opcua_names.json`;
const ballast = "/dev/shm/ballast";

function names(count: number): ReadonlyMap<string, { readonly name: string; readonly key: string }> {
  return new Map(Array.from({ length: count }, (_, at) => [`i${at}`, { name: "n".repeat(100), key: `k${at}` }]));
}

test("remembered names", async () => {
  const { lines, log } = recordingLog();
  const file = new NamesFile(path, log, 10);
  file.save(names(1));
  await file.written();
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(1024 * 1024)), /ENOSPC/);
  file.save(names(100));
  await file.written();
  const started = performance.now();
  await until("it was tried several times", () => performance.now() - started > 200);
  await file.written();
  assert.deepEqual(readdirSync(folder), ["opcua_names.json"], "half a file takes no room");
  assert.equal(file.load().size, 1, "the old one stays");
  rmSync(ballast);
  await until("it is written", () => file.load().size === 100);
  await until("that is told", () => lines.length === 2);
  assert.deepEqual(
    lines.map(({ level, message }) => `${level}: ${message}`),
    [
      `warn: cannot remember browse names in ${path} because the disk is full: df ${folder}; it is tried again, and until then a restart may change keys that several ` +
        "points ask for. --state chooses another folder",
      `info: ${path} is written again`,
    ],
  );
});
