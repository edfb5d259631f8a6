import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadedRequests, withoutWriting } from "../../../../packages/partition/src/protocols/opcua/loaded-code.ts";

const types = "node-opcua-types"; // the client library's, not ours
const library = fileURLToPath(import.meta.resolve(types));
const source = readFileSync(join(library, "../_generated_opcua_types.js"), "utf8");
const requests = /^export class (\w+Request) extends ExtensionObject/gm;

function names(text: string): string[] {
  return Array.from(text.matchAll(/^export (?:class|var) (\w+)/gm), ([, name = ""]) => name);
}

test("of the library's requests only those of the list are left, and every other type", () => {
  const reduced = withoutWriting(source);
  assert.deepEqual(
    Array.from(reduced.matchAll(requests), ([, name = ""]) => name).toSorted(),
    loadedRequests.toSorted(),
  );
  assert.ok([...source.matchAll(requests)].length > 40);
  assert.deepEqual(names(reduced), names(source));
  assert.match(
    reduced,
    /class WriteRequest \{ constructor\(\) \{ throw new TypeError\("cannot use WriteRequest because/,
  );
});

test("a library whose types look otherwise is not loaded by guess", () => {
  assert.throws(
    () => withoutWriting(source.replaceAll("class ReadRequest ", "class ReadAsk ")),
    /it has no ReadRequest/,
  );
});
