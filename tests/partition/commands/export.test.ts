// `cpc export`: every value once, at an interval, and every change, as CSV, as JSON and as Parquet.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { parquetReadObjects } from "hyparquet";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import type { Value } from "../../../packages/image/src/values/value.ts";
import { ExportedValues } from "../../../packages/partition/src/commands/exported-values.ts";
import { ParquetRows } from "../../../packages/partition/src/commands/parquet-rows.ts";
import { BridgedPlant } from "../../bridge/bridged-plant.ts";
import { serverOf } from "../../image/sample-image.ts";
import { exception, honest, startDevice } from "../../plant/modbus-device.ts";
import { modbusXml } from "../../plant/modbus-plant.ts";
import { Sandbox, type Child } from "./cpc.ts";

const watchdog = { timeout: 200_000 };
const main = fileURLToPath(new URL("../../../packages/partition/src/main.ts", import.meta.url));

interface Row {
  readonly key: string;
  readonly value: number | null;
  readonly status: string;
  readonly publishedNs: number;
}

/** A partition on a device whose first register counts polls, and whose others are not there while `isHole`. */
async function counting(t: TestContext) {
  const sandbox = new Sandbox(t);
  const plant = { polls: 0, isHole: false };
  const device = await startDevice((request) => {
    const isHole = plant.isHole && request.address + request.quantity > 1;
    return isHole ? exception(request, 2) : honest((_, __, at) => (at === 0 ? ++plant.polls & 0xffff : 42))(request);
  });
  t.after(() => device.close());
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port: device.port }));
  const run = async (): Promise<Child> => {
    const child = sandbox.run("--modbus", file);
    await child.until("there are values", () => sandbox.value("A: always 42") === 42);
    return child;
  };
  const polled = async (child: Child, count: number): Promise<void> => {
    const until = plant.polls + count;
    await child.until("it has polled", () => plant.polls > until);
  };
  return { sandbox, plant, run, polled };
}

function rowsIn(lines: string): readonly Row[] {
  return lines
    .slice(0, lines.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);
}

test(
  "export writes every value once, in the format that is asked for or that the file's name says",
  watchdog,
  async (t) => {
    const { sandbox, plant, run } = await counting(t);
    const child = await run();
    const csv = await sandbox.command("export", "modbus");
    assert.deepEqual([csv.code, csv.stderr], [0, ""]);
    const [head, , always, end] = csv.stdout.split("\n");
    assert.equal(head, "published,received,source,server,key,value,type,unit,status,statusCode");
    assert.match(always ?? "", /^\d{4}-\S+Z,\d{4}-\S+Z,,A,A: always 42,42,UInt16,,Good,0$/);
    assert.equal(end, "");

    plant.isHole = true;
    await child.until("the second register is bad", () => sandbox.value("A: always 42") === undefined);
    const ndjson = rowsIn((await sandbox.command("export", "modbus", "--ndjson", "--point", "*always*")).stdout);
    assert.deepEqual(
      ndjson.map(({ key, value, status }) => ({ key, value, status })),
      [{ key: "A: always 42", value: null, status: "BadOutOfRange" }],
      "a bad value is not the value from before",
    );

    const file = join(sandbox.folder, "values.parquet");
    assert.equal((await sandbox.command("export", "modbus", "--output", file)).code, 0);
    const read = await parquetReadObjects({ file: new Uint8Array(readFileSync(file)).buffer });
    assert.deepEqual(
      read.map(({ key, type, status, text }) => ({ key, type, status, text })),
      ["A: zählt", "A: always 42"].map((key, at) => ({
        key,
        type: "UInt16",
        status: at === 0 ? "Good" : "BadOutOfRange",
        text: null,
      })),
    );
    const again = await sandbox.command("export", "modbus", "--output", file);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /cannot write .*values\.parquet because it exists; remove it or choose another name/);
    const none = await sandbox.command("export", "modbus", "--point", "Z*", "--output", `${file}.csv`);
    assert.match(none.stderr, /no point has a key like Z\*; nothing was exported/);
    assert.ok(!existsSync(`${file}.csv`), "no empty file is left");

    await child.end("SIGKILL");
    const dead = await sandbox.command("export", "modbus");
    assert.deepEqual([dead.code, dead.stdout], [1, ""], "nobody stands for the values any more");
    assert.match(
      dead.stderr,
      /cannot export \S+modbus_image because the writer is dead; start the partition, .* npm run -s cpc -- dump modbus --image --prefix /,
    );
  },
);

test("export at an interval says when the partition is gone, and goes on with the next", watchdog, async (t) => {
  const { sandbox, run, polled } = await counting(t);
  const first = await run();
  const args = ["export", "modbus", "--interval", "0.05", "--ndjson", "--point", "*zählt", "--prefix", sandbox.prefix];
  const exporting = sandbox.cpc(args);
  await exporting.until("there are rows", () => rowsIn(exporting.stdout).length > 5);
  await first.end("SIGKILL");
  await exporting.until("it has noticed", () => /waiting for \S+: the writer is dead/.test(exporting.stderr));
  const before = rowsIn(exporting.stdout);
  const second = await run();
  await polled(second, 3);
  await exporting.until("it goes on", () => rowsIn(exporting.stdout).length > before.length + 3);
  const { code, stdout, stderr } = await exporting.end("SIGINT");
  assert.equal(code, 0);
  assert.match(stderr, /^waiting for [^\n]*\n(waiting for [^\n]*\n)*\S+modbus_image has values again\n$/);
  // The second run has no value before its first poll.
  assert.ok(rowsIn(stdout).every(({ value, status }) => (value === null) === (status !== "Good")));
  const counts = rowsIn(stdout).flatMap(({ value }) => value ?? []);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
});

test("follow has every change once, from the values that were there on", watchdog, async (t) => {
  const { sandbox, run, polled } = await counting(t);
  const child = await run();
  const file = join(sandbox.folder, "changes.ndjson");
  const exporting = sandbox.cpc(["export", "modbus", "--follow", "--output", file, "--prefix", sandbox.prefix]);
  await exporting.until("there is a file", () => existsSync(file) && statSync(file).size > 0);
  await polled(child, 40);
  const enough = rowsIn(readFileSync(file, "utf8")).length;
  await exporting.until("more has come", () => rowsIn(readFileSync(file, "utf8")).length > enough);
  assert.deepEqual(await exporting.end("SIGTERM"), { code: 0, stdout: "", stderr: "" });
  const rows = rowsIn(readFileSync(file, "utf8"));
  const counts = rows.filter(({ key }) => key === "A: zählt").map(({ value }) => Number(value));
  assert.deepEqual(
    counts,
    counts.map((_, at) => (counts[0] ?? 0) + at),
    "no gap and no double",
  );
  assert.equal(rows.filter(({ key }) => key === "A: always 42").length, 1, "what does not change comes once");

  const short = await sandbox.command("export", "modbus", "--follow", "--duration", "0.3s", "--parquet");
  assert.equal(short.code, 0, short.stderr);
});

test("a pipe that is closed ends an export, and nothing is said", watchdog, async (t) => {
  const { sandbox, run } = await counting(t);
  await run();
  for (const how of [["--follow"], ["--interval", "0.01"]]) {
    const child = spawn(process.execPath, [main, "export", "modbus", ...how, "--prefix", sandbox.prefix]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await once(child.stdout, "data");
    child.stdout.destroy();
    assert.deepEqual(await once(child, "close"), [0, null]);
    assert.equal(stderr, "");
  }
});

test("a partition that starts again between the values and its journal costs no change", watchdog, async (t) => {
  const plant = new BridgedPlant(t, [serverOf("Kessel", 0)]);
  plant.set(0, 1);
  const stop = new AbortController();
  t.after(() => stop.abort());
  using values = new ExportedValues(plant.prefix, "opcua", () => true, stop.signal);
  const { seek } = OpenedJournal.prototype as { readonly seek: (this: OpenedJournal, position: bigint) => boolean };
  let isFirst = true;
  t.mock.method(OpenedJournal.prototype, "seek", function (this: OpenedJournal, position: bigint) {
    if (isFirst) {
      plant.restart();
      plant.set(0, 2);
    }
    isFirst = false;
    return seek.call(this, position);
  });
  const exported: unknown[] = [];
  for await (const rows of values.changes()) {
    exported.push(...rows.map(({ value }) => value.value));
    if (exported.at(-1) === 3) break;
    plant.set(0, 3);
  }
  assert.deepEqual(exported, [2, 3]);
});

test("Parquet keeps every kind of value, over several groups of rows", async () => {
  const pieces: Uint8Array[] = [];
  const rows = new ParquetRows(async (bytes) => void pieces.push(bytes));
  const values: readonly (Value & { readonly shown: readonly [number | null, string | null] })[] = [
    { type: BuiltInType.Boolean, value: true, shown: [1, null] },
    { type: BuiltInType.Double, value: Number.NaN, shown: [Number.NaN, null] },
    { type: BuiltInType.UInt64, value: 2n ** 53n - 1n, shown: [2 ** 53 - 1, null] },
    { type: BuiltInType.UInt64, value: 2n ** 64n - 1n, shown: [null, "18446744073709551615"] },
    { type: BuiltInType.String, value: 'Öl, "heiß"', shown: [null, 'Öl, "heiß"'] },
    { type: BuiltInType.Int16, value: [1, -2], shown: [null, "[1,-2]"] },
    { type: BuiltInType.Float, value: null, shown: [null, null] },
  ];
  const repeats = 8000;
  const ns = 1_700_000_000_123_456_789n;
  for (let repeat = 0; repeat < repeats; repeat++) {
    await rows.write(
      values.map(({ type, value }, at) => ({
        value: { type, value, status: StatusCode.Good, sourceNs: at === 0 ? 0n : ns, receivedNs: ns, publishedNs: ns },
        point: { server: "S", key: `k${at}`, unit: "°C" },
      })),
    );
  }
  await rows.end();
  const read = await parquetReadObjects({ file: new Uint8Array(Buffer.concat(pieces)).buffer });
  assert.equal(read.length, values.length * repeats);
  for (const at of [0, 50_000 - (50_000 % values.length), values.length * (repeats - 1)]) {
    for (const [index, { shown }] of values.entries()) {
      const { value, text, unit, source, published } = read[at + index] ?? {};
      assert.deepEqual([value, text, unit], [...shown, "°C"]);
      assert.equal(source, index === 0 ? null : source);
      assert.equal((published as Date).getTime(), 1_700_000_000_123);
    }
  }
});
