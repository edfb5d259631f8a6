import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { NamesFile } from "../../../packages/partition/src/sources/names-file.ts";
import { inOwnSharedMemory } from "../../faults/own-shared-memory.ts";
import { syncedPaths } from "../../synced-paths.ts";
import { oddFiles, placeOdd } from "../../odd-files.ts";
import { recordingLog } from "./test-source.ts";

const names = new Map([
  ['["A","opc.tcp://a:1",2,"String","x \u0000 ü","PV"]', { name: "2:PV", key: "2:PV (A ns=2;s=x)" }],
  ["__proto__", { name: "2:__proto__", key: "2:__proto__" }],
]);

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "cpc-names-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "state", "opcua_names.json");
  const { lines, log } = recordingLog();
  return { path, lines, file: new NamesFile(path, log) };
}

test("what was saved is on the disk, with its name", async (t) => {
  const { path, file } = setUp(t);
  const synced = await syncedPaths(t);
  file.save(names);
  await file.written();
  assert.deepEqual(synced, [`${path}.next`, dirname(path)]);
});

test("what was saved is loaded again, and nothing else is left in the folder, which is made when there is none", async (t) => {
  const { path, lines, file } = setUp(t);
  assert.deepEqual(file.load(), new Map());
  for (const size of [1, 2]) file.save(new Map([...names].slice(0, size)));
  await file.written();
  assert.deepEqual(file.load(), names);
  assert.deepEqual(readdirSync(dirname(path)), ["opcua_names.json"]);
  assert.deepEqual(lines, []);
});

test("the old file is there until the new one is whole", async (t) => {
  const { path, file } = setUp(t);
  file.save(names);
  await file.written();
  const before = readFileSync(path, "utf8");
  // Somebody's folder under the name of the file in the making: it cannot be written.
  mkdirSync(join(`${path}.next`, "x"), { recursive: true });
  file.save(new Map());
  await file.written();
  assert.equal(readFileSync(path, "utf8"), before);
});

const good = '{"format":"cpc-partition names, version 1","names":[["i","n","k"]]}';
const broken: Readonly<Record<string, string>> = {
  "an empty file": "",
  "half a file": good.slice(0, -5),
  "no object": "null",
  "another format": good.replace("version 1", "version 2"),
  "no list": '{"format":"cpc-partition names, version 1"}',
  "an entry of another shape": good.replace('"k"', "5"),
  "an empty key": good.replace('"k"', '""'),
  "a key twice": good.replace("]]", '],["j","n","k"]]'),
  "an identity twice": good.replace("]]", '],["i","n","l"]]'),
};

for (const [what, content] of Object.entries(broken)) {
  test(`${what} draws one warning with the file's name, and counts as none`, (t) => {
    const { path, lines, file } = setUp(t);
    mkdirSync(dirname(path));
    writeFileSync(path, good);
    assert.equal(file.load().size, 1);
    writeFileSync(path, content);
    assert.deepEqual(file.load(), new Map());
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message.includes(path)]),
      [["warn", true]],
    );
  });
}

test("a file that is far too large is not read", (t) => {
  const { path, lines, file } = setUp(t);
  mkdirSync(dirname(path));
  writeFileSync(path, "");
  truncateSync(path, 2 ** 40);
  assert.deepEqual(file.load(), new Map());
  assert.match(lines[0]!.message, /: it is larger than 64 MiB; the partition asks/);
});

for (const kind of oddFiles)
  test(`a ${kind} in place of the file is told and not waited for, and gives way where it can`, async (t) => {
    const { path, lines, file } = setUp(t);
    mkdirSync(dirname(path));
    await placeOdd(t, kind, path);
    assert.deepEqual(file.load(), new Map());
    assert.match(
      lines[0]!.message,
      /: it is (?:not a regular file|a directory|a socket or a device that is not there); the/,
    );
    file.save(names);
    await file.written();
    assert.equal(statSync(path).isFile(), kind !== "directory");
    assert.equal(lines.length, kind === "directory" ? 2 : 1);
  });

test("names that would make the file too large to be read leave it as it was", async (t) => {
  const { lines, file } = setUp(t);
  file.save(names);
  await file.written();
  file.save(new Map([...names, ["long", { name: "x".repeat(2 ** 26), key: "k" }]]));
  await file.written();
  assert.match(lines[0]!.message, /cannot remember browse names .* at most 67108864 are allowed/);
  assert.deepEqual(file.load(), names);
});

test("a folder that cannot be written to is told once, until it can be", async (t) => {
  const { path, lines, file } = setUp(t);
  writeFileSync(dirname(path), "a file where the folder should be");
  for (const _ of [1, 2]) {
    file.save(names);
    await file.written();
  }
  assert.equal(lines.length, 1);
  assert.match(lines[0]!.message, /cannot remember browse names in .*--state/);
  rmSync(dirname(path));
  file.save(names);
  await file.written();
  assert.ok(existsSync(path));
});

test("what a full disk refused is written when there is room, and told once each way", async (t) => {
  await inOwnSharedMemory(t, 64 * 1024, new URL("./full-disk.ts", import.meta.url), "");
});

test("a file that may not be read is told", { skip: process.getuid?.() === 0 }, async (t) => {
  const { path, lines, file } = setUp(t);
  file.save(names);
  await file.written();
  chmodSync(path, 0);
  assert.deepEqual(file.load(), new Map());
  assert.match(lines[0]!.message, /may not read it: chgrp/);
});
