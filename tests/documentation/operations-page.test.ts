// The messages that docs/operations.md quotes are the ones that the programs write: somebody looks for them there.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
/** Shorter pieces would be found anywhere. */
const leastLength = 14;

/** Quoted pieces that no string of the sources has as a whole, and the strings that they are made of. */
const composed: Readonly<Record<string, readonly string[]>> = {
  "cannot look up the name": ["cannot ${", "look up the name"],
  "the own certificate ends in": ["own certificate", "ends in ${"],
  "the device refuses holding register 40101 of unit 1": ["the device refuses ${"],
  "does not answer long requests": ["does not answer", "long requests"],
  "a reply had unit id 2 where 1 was due": ["a reply had ${field} ${actual} where ${expected} was due"],
  "a consumer removed or spoilt the segment": ["a consumer removed or spoilt the ${"],
  "a consumer removed or spoilt the semaphore": ["a consumer removed or spoilt the ${"],
  "is a symbolic link": ["a symbolic link"],
  "cannot remember browse names in": ["cannot remember ${", "browse names"],
  "because the disk is full": ["the disk is full"],
  "cannot read certificate": ["cannot read ${what}"],
  "cannot read revocation list": ["cannot read ${what}", "revocation list"],
  "no option has the variable CPC_MODBSU": ["no option has the variable ${name}"],
  "did you mean CPC_MODBUS?": ["did you mean ${meant.option}?"],
  "cannot reserve": ["cannot ${", "reserve ${"],
  "because /dev/shm has no room left": ["because ${", "/dev/shm has no room left"],
  "last heartbeat in 60 min": ["last heartbeat ${"],
  "ended unexpectedly and is started again": ["ended unexpectedly", "and is started again"],
  "failed as before and is started again": ["failed as before", "and is started again"],
};
/** Node writes this one. */
const ofTheRuntime = new Set(["JavaScript heap out of memory"]);

function onOneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

const sources = onOneLine(
  globSync("packages/*/src/**/*.ts", { cwd: root })
    .map((file) => readFileSync(join(root, file), "utf8"))
    .join("\n")
    .replaceAll(/["`]\s*\+\s*["`]/g, ""),
);

/** Numbers and status codes of the page are examples. */
function pattern(piece: string): RegExp {
  const escaped = piece.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(escaped.replaceAll(/\d+|Bad\w+|Suspended|holding registers/g, String.raw`(?:$&|\$\{[^}]*\})`));
}

test("docs/operations.md quotes messages as they are written", () => {
  const page = onOneLine(readFileSync(join(root, "docs/operations.md"), "utf8").replaceAll(/```[^]*?```/g, ""));
  const quotes = [...page.matchAll(/(\]\([^)]*\), )?"([^"]+)"/g)].filter(([, isHeading]) => isHeading === undefined);
  const pieces = quotes
    .flatMap(([, , quote = ""]) => quote.split(/\.\.\.|: |, |; |\(|\)/))
    .map((piece) => piece.trim())
    .filter((piece) => piece.length >= leastLength);
  assert.ok(pieces.length > 80, `${pieces.length} pieces`);
  const missing = pieces.filter((piece) => {
    if (ofTheRuntime.has(piece)) return false;
    const parts = composed[piece];
    return parts === undefined ? !pattern(piece).test(sources) : !parts.every((part) => sources.includes(part));
  });
  assert.deepEqual(missing, []);
});
