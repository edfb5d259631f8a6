import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import * as fc from "fast-check";

import { largestFileBytes, readXmlText } from "../../../packages/partition/src/configuration/read-xml-text.ts";

const folder = mkdtempSync(join(tmpdir(), `cpc-xml-${process.pid}-`));
after(() => rmSync(folder, { recursive: true }));

function read(content: string | Uint8Array): ReturnType<typeof readXmlText> {
  const file = join(folder, "input.xml");
  writeFileSync(file, content);
  return readXmlText(file);
}

function utf16be(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

function assertRefused(answer: ReturnType<typeof readXmlText>, line: number, words: RegExp): void {
  assert.ok(!answer.ok, "it was not refused");
  assert.match(answer.message, words);
  assert.equal(answer.line, line);
}

const umlauts = "<a>Störung größer ß €</a>";

const encodings: readonly (readonly [string, Uint8Array])[] = [
  ["UTF-8", Buffer.from(umlauts)],
  ["UTF-8 with a mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(umlauts)])],
  ["UTF-16 little-endian with a mark", Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(umlauts, "utf16le")])],
  ["UTF-16 big-endian with a mark", Buffer.concat([Buffer.from([0xfe, 0xff]), utf16be(umlauts)])],
  ["UTF-16 little-endian without a mark", Buffer.from(umlauts, "utf16le")],
  ["UTF-16 big-endian without a mark", utf16be(umlauts)],
];

for (const [name, bytes] of encodings) {
  test(`a file in ${name} is read`, () => assert.deepEqual(read(bytes), { ok: true, text: umlauts }));
}

test("a file in an 8-bit encoding is read when its first line names the encoding", () => {
  const latin1 = '<?xml version="1.0" encoding="ISO-8859-1"?><a>Störung</a>';
  assert.deepEqual(read(Buffer.from(latin1, "latin1")), { ok: true, text: latin1 });
  const windows = '<?xml version="1.0" encoding="windows-1252"?><a>5 \x80</a>';
  assert.deepEqual(read(Buffer.from(windows, "latin1")), { ok: true, text: windows.replace("\x80", "€") });
});

test("a file in another encoding than it says is refused at the line where it shows", () => {
  assertRefused(read(Buffer.from("<a>\n\nStörung</a>", "latin1")), 3, /not valid UTF-8.*ISO-8859-1/);
  assertRefused(read(Buffer.from('<?xml version="1.0" encoding="UTF-16"?><a/>')), 1, /says encoding UTF-16/);
  assertRefused(read(Buffer.from('<?xml version="1.0" encoding="UTF-7"?><a/>')), 1, /save the file as UTF-8/);
  assertRefused(read(Buffer.from([0xff, 0xfe, 0, 0, 0x3c, 0, 0, 0])), 1, /UTF-32/);
  assertRefused(read(Buffer.from([0, 0, 0, 0x3c])), 1, /UTF-32/);
  assertRefused(read(Buffer.from([0xff, 0xfe, 0x3c, 0, 0x0a, 0, 0x00, 0xd8, 0x3c, 0])), 2, /not valid UTF-16/);
});

test("a file of another kind that is given by mistake is named", () => {
  for (const [start, kind] of [
    ["504b030414", /an Excel workbook/],
    ["d0cf11e0a1b1", /Office document/],
    ["255044462d31", /PDF/],
    ["1f8b0800", /gzip/],
    ["30820122", /certificate or key/],
  ] as const) {
    assertRefused(read(Buffer.from(start, "hex")), 1, kind);
  }
});

test("a file that is missing, a folder, a pipe, or empty is refused and never waited for", () => {
  assertRefused(readXmlText(join(folder, "missing.xml")), 1, /does not exist/);
  assertRefused(readXmlText(folder), 1, /directory/);
  const pipe = join(folder, "pipe.xml");
  execFileSync("/usr/bin/env", ["mkfifo", pipe]);
  assertRefused(readXmlText(pipe), 1, /not a regular file/);
  assertRefused(read(""), 1, /empty/);
  assertRefused(readXmlText(join(folder, "input.xml", "below.xml")), 1, /not a directory/);
});

test("a file of the largest size is read and one byte more is refused", () => {
  const file = join(folder, "large.xml");
  writeFileSync(file, "<a/>".padEnd(9 * 2 ** 20, " "));
  assert.ok(readXmlText(file).ok);
  truncateSync(file, largestFileBytes + 1);
  assertRefused(readXmlText(file), 1, /larger than 384 MiB/);
});

const prolog = fc.array(
  fc.constantFrom(" ", "\n", "\t", "<!-- x -->", "<!--\n<!DOCTYPE a>\n-->", "<?p <!DOCTYPE a> ?>", "<?p\n?>"),
  { maxLength: 8 },
);
const encoders: readonly ((text: string) => Uint8Array)[] = [
  (text) => Buffer.from(text),
  (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]),
  (text) => utf16be(`\ufeff${text}`),
];

test("a DOCTYPE is refused at its line, whatever stands before it and however the file is encoded", () => {
  fc.assert(
    fc.property(prolog, fc.constantFrom(...encoders), (before, encode) => {
      const head = `<?xml version="1.0"?>${before.join("")}`;
      assertRefused(read(encode(`${head}<!DOCTYPE a><a/>`)), head.split("\n").length, /DOCTYPE/);
    }),
  );
});

test("the word DOCTYPE in comments, instructions and text is not taken for one", () => {
  fc.assert(
    fc.property(prolog, (before) => {
      assert.ok(read(`<?xml version="1.0"?>${before.join("")}<a><![CDATA[<!DOCTYPE a>]]></a>`).ok);
    }),
  );
});
