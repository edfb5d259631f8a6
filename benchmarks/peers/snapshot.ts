// How long a snapshot takes in Node, and JSON.parse of the same points: snapshot.ts IMAGE BATCHES DOCUMENT.

import { readFileSync } from "node:fs";
import { isGood, OpenedImage } from "../../packages/image/src/reader.ts";
import { medianUs, timeInTurns } from "../stop-watch.ts";

const [name = "", batches = "", document = ""] = process.argv.slice(2);
using image = new OpenedImage(name);
const snapshot = image.current()?.reusableSnapshot(0);
if (snapshot === undefined) throw new TypeError(`there is no image ${name}`);
const segment = readFileSync(document);
let sum = 0;

function readAll(): void {
  const { length } = snapshot?.points ?? [];
  for (let index = 0; index < length; index++) {
    if (snapshot !== undefined && isGood(snapshot.status(index))) sum += snapshot.number(index, snapshot.type(index));
  }
}

function parse(): unknown {
  const end = segment.indexOf(0);
  return JSON.parse(segment.toString("utf8", 0, end < 0 ? segment.length : end));
}

const timings = timeInTurns(
  [
    { name: "copy", run: () => snapshot.refresh() },
    { name: "values", run: () => void (snapshot.refresh() && readAll()) },
    { name: "document", run: parse },
  ],
  Number(batches),
  10,
);
const costs = {
  copyUs: medianUs(timings, "copy"),
  valuesUs: medianUs(timings, "values"),
  documentUs: medianUs(timings, "document"),
};
process.stdout.write(`${JSON.stringify(costs)}\n`);
if (!Number.isFinite(sum)) throw new TypeError("the values were not numbers");
