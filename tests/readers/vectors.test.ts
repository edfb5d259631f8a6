import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { JournalReader } from "../../packages/image/src/journal-reader.ts";
import { ImageError } from "../../packages/image/src/read-directory.ts";
import { cases } from "./every-type.ts";
import { vectorFiles } from "./vectors.ts";
import { imageVectors, journalVectors, spoiltVectors, vectors } from "./vector-files.ts";
import { imageJson, journalHeadJson, journalJson, withoutTimes, type Json } from "./json-form.ts";

interface Group {
  readonly poll: {
    readonly points: readonly { readonly key: string; readonly reading: Readonly<Record<string, Json>> }[];
  };
}

test("the vectors are what the writer makes today", () => {
  const made = vectorFiles();
  const names = readdirSync(vectors).filter((name) => name !== "README.md");
  assert.deepEqual(names.toSorted(), [...made.keys()].toSorted());
  for (const [name, content] of made)
    assert.ok(readFileSync(new URL(name, vectors)).equals(Buffer.from(content)), `${name} is another: make-vectors.ts`);
});

test("the vector with every type expects what was written", () => {
  const every = imageVectors().find(({ name }) => name === "every-type.image");
  assert.ok(every);
  const { servers } = every.expected as unknown as {
    readonly servers: readonly { readonly groups: readonly Group[] }[];
  };
  const points = servers.flatMap(({ groups }) => groups).flatMap(({ poll }) => poll.points);
  const found = new Map(points.map(({ key, reading }) => [key, withoutTimes(reading)]));
  assert.equal(points.length, cases.length);
  for (const { name, expected: value, expectedStatus } of cases)
    assert.deepEqual(found.get(name), { status: expectedStatus, ...value }, name);
});

for (const { name, bytes, expected } of imageVectors()) {
  test(`the reader in this process reads ${name}`, () => {
    const reader = new ImageReader(bytes.buffer);
    assert.deepEqual(
      imageJson(reader, (group) => reader.snapshot(group)),
      expected,
    );
  });
}

for (const { name, bytes, head, reads } of journalVectors()) {
  test(`the reader in this process reads ${name}`, () => {
    const reader = new JournalReader(bytes.buffer);
    assert.deepEqual(journalHeadJson(reader), head);
    for (const { from, expected } of reads) assert.deepEqual(journalJson(reader, from), expected);
  });
}

for (const { what, file, bytes } of spoiltVectors()) {
  test(`the reader in this process refuses ${file} with ${what}`, () => {
    assert.throws(() => {
      if (file.endsWith(".image")) return new ImageReader(bytes.buffer);
      return new JournalReader(bytes.buffer).end();
    }, ImageError);
  });
}
