import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { writeTextfile } from "../../packages/process/src/textfile.ts";
import { oddFiles, placeOdd } from "../odd-files.ts";
import { until } from "../until.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("the metrics are in the file until the program ends, and nothing is left then", async (t) => {
  const folder = folderOf(t);
  const over = new AbortController();
  const said: string[] = [];
  const written = writeTextfile(
    join(folder, "own.prom"),
    () => "up 1\n",
    (_level, message) => said.push(message),
    over.signal,
  );
  await until("the file is there", () => readdirSync(folder).join() === "own.prom");
  assert.equal(readFileSync(join(folder, "own.prom"), "utf8"), "up 1\n");
  over.abort();
  await written;
  assert.deepEqual([readdirSync(folder), said], [[], []]);
});

for (const kind of oddFiles)
  test(`a ${kind} in place of the draft or of the file gives way, or is told`, async (t) => {
    for (const name of ["own.prom.new", "own.prom"]) {
      const folder = folderOf(t);
      await placeOdd(t, kind, join(folder, name));
      const over = new AbortController();
      const said: string[] = [];
      const path = join(folder, "own.prom");
      const written = writeTextfile(
        path,
        () => "up 1\n",
        (_level, message) => said.push(message),
        over.signal,
      );
      const isWritten = (): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
      await until("it is written or told", () => isWritten() || said.length > 0);
      assert.equal(isWritten(), kind !== "directory");
      over.abort();
      await written;
    }
  });

test("a link that is put in place of the draft while it is made is not written through", async (t) => {
  const folder = folderOf(t);
  const [path, foreign] = [join(folder, "own.prom"), join(folder, "foreign")];
  writeFileSync(foreign, "untouched");
  const over = new AbortController();
  t.after(() => over.abort());
  const said: string[] = [];
  const text = (): string => {
    symlinkSync(foreign, `${path}.new`);
    return "up 1\n";
  };
  const written = writeTextfile(path, text, (_level, message) => said.push(message), over.signal);
  await until("it is told, or done", () => said.length > 0 || readFileSync(foreign, "utf8") !== "untouched");
  over.abort();
  await written;
  assert.equal(readFileSync(foreign, "utf8"), "untouched");
});

test("a file that cannot be written is an error in the log, with its reason, and ends nothing", async (t) => {
  const path = join(folderOf(t), "none", "own.prom");
  const over = new AbortController();
  const said: string[] = [];
  const written = writeTextfile(
    path,
    () => "",
    (level, message) => said.push(`${level} ${message}`),
    over.signal,
  );
  await until("it is said", () => said.length > 0);
  assert.match(
    said.join(),
    /^error cannot write the metrics to \S+own\.prom because the folder ".*" does not exist; the next attempt is in 10 s$/,
  );
  over.abort();
  await written;
});
