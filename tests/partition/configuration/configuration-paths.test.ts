import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findFiles } from "../../../packages/partition/src/configuration/configuration-paths.ts";

const folder = mkdtempSync(join(tmpdir(), `cpc-paths-${process.pid}-`));
after(() => rmSync(folder, { recursive: true }));
const directory = join(folder, "d");
mkdirSync(directory);
for (const name of ["b.xml", "a.xml", ".hidden.xml", "notes.txt"]) writeFileSync(join(directory, name), "");
const [a, b, link, missing] = ["d/a.xml", "d/b.xml", "link.xml", "missing.xml"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
  string,
];
symlinkSync(a, link);

test("a directory stands for its files, and what cannot be looked at for a file", async () => {
  assert.deepEqual(await findFiles([directory, missing]), { files: [a, b, missing], problems: [] });
});

const twice = (file: string, message: string) => ({ file, line: 1, message });

test("a file that is given twice is read once, and the second time is a problem", async () => {
  assert.deepEqual(await findFiles([a, b, a]), {
    files: [a, b],
    problems: [twice(a, "the file is given twice; give it once")],
  });
  assert.deepEqual(await findFiles([link, directory]), {
    files: [link, b],
    problems: [twice(a, `the file is given twice, the first time as "${link}"; give it once`)],
  });
  assert.deepEqual((await findFiles([missing, missing])).problems, [
    twice(missing, "the file is given twice; give it once"),
  ]);
});
