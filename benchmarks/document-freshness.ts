// How long from a publication of the image until the document shows it? A whole partition, 1000 registers that all change with each poll, ten
// polls a second; this process looks at both every fraction of a millisecond.
//
//   node benchmarks/document-freshness.ts [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { OpenedImage } from "../packages/image/src/opened-image.ts";
import { wallClockNs } from "../packages/image/src/posix/wall-clock.ts";
import { LineProcess } from "./line-process.ts";
import { modbusConfiguration } from "./plant-configuration.ts";
import { quantile, tell } from "./report.ts";

const POINTS = 1000;
const INTERVAL_S = 0.1;
const PUBLICATIONS = 600;
const LOOK_AGAIN_MS = 0.2;
const WATCHDOG_MS = 30_000;
const WANTED_MEDIAN_MS = 5;
const WANTED_P99_MS = 20;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));

const still = new Int32Array(new SharedArrayBuffer(4));
const head = Buffer.alloc(1024);

/** The value of the first register, which the document has right behind its connection entry. */
function shownBy(descriptor: number): number | undefined {
  const length = readSync(descriptor, head, 0, head.length, 0);
  const found = /"plant: register 0":\{"value": *(\d+)/.exec(head.toString("latin1", 0, length));
  return found === null ? undefined : Number(found[1]);
}

/** Milliseconds from each publication until the document showed it. */
function delays(image: OpenedImage, document: number): readonly number[] {
  const found: number[] = [];
  let measuredNs = 0n;
  while (found.length < PUBLICATIONS) {
    if (!image.waitForPublish(WATCHDOG_MS)) throw new TypeError("the partition has stopped publishing");
    const snapshot = image.current()?.snapshot(0);
    if (snapshot === undefined) continue;
    const { publishedNs } = snapshot.state;
    // The connection is published by itself, before the values.
    if (publishedNs === measuredNs) continue;
    measuredNs = publishedNs;
    const { value } = snapshot.value(0);
    const endMs = performance.now() + WATCHDOG_MS;
    // A document may already show the publication after it: that one was in time, too, and is measured by itself.
    for (let shown = shownBy(document); shown !== value; shown = shownBy(document)) {
      if (image.current()?.snapshot(0)?.state.publishedNs !== publishedNs || performance.now() > endMs) break;
      Atomics.wait(still, 0, 0, LOOK_AGAIN_MS);
    }
    found.push(Number(wallClockNs() - publishedNs) / 1e6);
  }
  return found;
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using device = LineProcess.node("peers/counting-device.ts");
  const file = join(folder, "modbus.xml");
  writeFileSync(file, modbusConfiguration((await device.line())["port"] as number, POINTS));
  const prefix = `freshness_${process.pid}_`;
  const settings = ["--interval", String(INTERVAL_S), "--prefix", prefix, "--remove-on-exit", "--log-level", "error"];
  const child = spawn(process.execPath, [MAIN, "run", "--modbus", file, ...settings], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = once(child, "exit");
  using image = new OpenedImage(`${prefix}modbus_image`);
  const endMs = performance.now() + WATCHDOG_MS;
  let document: number | undefined;
  while (document === undefined || shownBy(document) === undefined) {
    if (performance.now() > endMs) throw new TypeError(`no document within ${WATCHDOG_MS} ms`);
    await pause(10);
    try {
      document ??= openSync(`/dev/shm/${prefix}modbus_shm`, "r");
    } catch {
      // not there yet
    }
  }
  await pause(2000); // code is compiled
  const found = delays(image, document);
  closeSync(document);
  child.kill("SIGTERM");
  await ended;
  tell({
    question: "How long from a publication until the document shows it?",
    lines: [
      { what: "median, ms", figure: quantile(found, 0.5), wanted: `less than ${WANTED_MEDIAN_MS}` },
      { what: "p90, ms", figure: quantile(found, 0.9) },
      { what: "p99, ms", figure: quantile(found, 0.99), wanted: `less than ${WANTED_P99_MS}` },
      { what: "longest, ms", figure: Math.max(...found) },
    ],
    remarks: [`${POINTS} registers that all change, ${1 / INTERVAL_S} polls a second, ${found.length} publications`],
  });
} finally {
  rmSync(folder, { recursive: true });
}
