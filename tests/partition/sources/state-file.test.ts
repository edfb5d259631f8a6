import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { StateFile } from "../../../packages/partition/src/sources/state-file.ts";
import { recordingLog } from "./test-source.ts";

function setUp(t: TestContext, text: () => string) {
  const folder = mkdtempSync(join(tmpdir(), "cpc-state-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "state.json");
  const { lines, log } = recordingLog();
  const words = { what: "names", consequence: "they are asked for again after a restart" };
  return { path, lines, file: new StateFile(path, text, words, log) };
}

test("what is saved while the file is written is written after it", async (t) => {
  let text = "one";
  const { path, file } = setUp(t, () => {
    const now = text;
    if (now === "one") {
      text = "two";
      file.save();
    }
    return now;
  });
  file.save();
  await file.written();
  assert.equal(readFileSync(path, "utf8"), "two");
});

test("a content that cannot be is not written, and nobody says that it is tried again", async (t) => {
  const { path, lines, file } = setUp(t, () => {
    throw new RangeError("it is too large");
  });
  file.save();
  await file.written();
  assert.equal(existsSync(path), false);
  assert.deepEqual(
    lines.map(({ level, message }) => `${level} ${message}`),
    [`warn cannot remember names in ${path} because it is too large; they are asked for again after a restart`],
  );
});
