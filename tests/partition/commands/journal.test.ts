import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { modbusXml, type Server } from "../../plant/modbus-plant.ts";
import { honest, startDevice } from "../../plant/modbus-device.ts";
import { journalHeader } from "../../../packages/image/src/journal-layout.ts";
import { serverOf } from "../../image/sample-image.ts";
import { BridgedPlant } from "../../bridge/bridged-plant.ts";
import { Sandbox, type Child } from "./cpc.ts";

const watchdog = { timeout: 200_000 };
const main = fileURLToPath(new URL("../../../packages/partition/src/main.ts", import.meta.url));

/** A partition on a device whose first register counts polls; the one before "always 42" is a constant. */
async function counting(t: TestContext) {
  const sandbox = new Sandbox(t);
  let polls = 0;
  const device = await startDevice(honest((_, __, address) => (address === 0 ? ++polls & 0xffff : 42)));
  t.after(() => device.close());
  const write = (...others: readonly Server[]): string =>
    sandbox.write("modbus.xml", modbusXml(...others, { alias: "A", port: device.port }));
  const file = write();
  const run = (): Child => sandbox.run("--modbus", file);
  const polled = async (child: Child, count = 5): Promise<void> => {
    const until = polls + count;
    await child.until("it has polled", () => polls > until);
  };
  return { sandbox, device, write, run, polled };
}

interface JsonLine {
  readonly key: string;
  readonly server: string;
  readonly value: number | null;
  readonly publishedNs: number;
  readonly status: string;
  readonly sequence: number;
}

function parsed(lines: string): readonly JsonLine[] {
  return lines
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonLine);
}

const valuesOf = (lines: readonly JsonLine[]) => lines.map(({ value }) => Number(value));
const restartIn = (lines: readonly JsonLine[]): number =>
  lines.findIndex(({ sequence }, index) => index > 0 && sequence < (lines[index - 1]?.sequence ?? 0));
const consecutive = (from: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, n) => from + n);

test(
  "journal prints every change with its name, for people, for spreadsheets and for programs",
  watchdog,
  async (t) => {
    const { sandbox, device, run, polled, write } = await counting(t);
    const child = run();
    await polled(child);
    const json = await sandbox.command("journal", "modbus", "--json", "--point", "*Zählt");
    assert.equal(json.code, 0, json.stderr);
    const lines = parsed(json.stdout);
    assert.ok(lines.length >= 5);
    assert.deepEqual(valuesOf(lines), consecutive(1, lines.length));
    assert.deepEqual(
      new Set(lines.map(({ key, server, status }) => [key, server, status].join("|"))),
      new Set(["A: zählt|A|Good"]),
    );
    assert.match(json.stderr, /^\S+modbus_journal: the run that began \d{4}-\S+Z\n$/);
    const text = await sandbox.command("journal", "modbus", "--point", "a: always ??");
    assert.match(text.stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z {2}A {2}always 42 = 42 {2}Good\n$/);
    const csv = await sandbox.command("journal", "modbus", "--csv");
    const [head, first] = csv.stdout.split("\n");
    assert.equal(head, "published,received,source,server,key,value,type,unit,status,statusCode,sequence");
    assert.match(first ?? "", /^\S+Z,\S+Z,,A,A: zählt,1,UInt16,,Good,0,0$/);
    const none = await sandbox.command("journal", "modbus", "--point", "Z*");
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    assert.match(none.stderr, /^no point has a key like Z\*; .*\nno such change in the journal\n$/);

    const args = [main, "journal", "modbus", "--follow", "--since", "1h", "--prefix", sandbox.prefix];
    const enough = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    await once(enough.stdout, "data");
    enough.stdout.destroy();
    assert.deepEqual(await once(enough, "exit"), [0, null], "a reader that has seen enough ends it");

    write({ alias: "B", port: device.port, names: ["always 42"] });
    child.signal("SIGHUP");
    await child.until("B has a value", () => sandbox.value("B: always 42") === 42);
    const renumbered = parsed((await sandbox.command("journal", "modbus", "--json")).stdout);
    assert.deepEqual(
      new Set(renumbered.map(({ key }) => key)),
      new Set(["A: zählt", "A: always 42", "B: always 42"]),
      "changes from before a reload keep their names",
    );
  },
);

test(
  "a partition that starts again while its journals are opened has each change in the list once",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const plant = new BridgedPlant(t, [serverOf("Kessel", 0)]);
    for (const value of [1, 2, 3]) plant.set(0, value);
    const preload = `--import=${new URL("./restart-after-open.ts", import.meta.url).href}`;
    const env = { NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${preload}` };
    const child = sandbox.cpc(["journal", "opcua", "--json", "--prefix", plant.prefix], env);
    const { stdout, stderr } = await child.ended;
    assert.deepEqual(
      parsed(stdout).flatMap(({ key, value }) => (value === null ? [] : [[key, value]])),
      [1, 2, 3].map((value) => ["Kessel: 0", value]),
      stderr,
    );
  },
);

test(
  "changes of a run that crashed and of the next one are there, and follow goes on over reload and restart",
  watchdog,
  async (t) => {
    const { sandbox, device, run, polled, write } = await counting(t);
    const wanted = ["journal", "modbus", "--json", "--point", "*zählt"];
    const follow = sandbox.cpc([...wanted, "--follow", "--prefix", sandbox.prefix]);
    await follow.until("it waits", () => follow.stderr.includes("waiting for a partition that writes"));
    const first = run();
    await follow.until("it follows", () => parsed(follow.stdout.slice(0, follow.stdout.lastIndexOf("\n"))).length > 3);
    write({ alias: "B", port: device.port, names: ["always 42"] });
    first.signal("SIGHUP");
    await first.until("B has a value", () => sandbox.value("B: always 42") === 42);
    await polled(first, 40);
    await first.end("SIGKILL");

    const dead = await sandbox.command(...wanted, "--since", "1h");
    assert.match(dead.stderr, /modbus_journal: the run that began \S+ and has ended\n$/);
    const before = parsed(dead.stdout);
    assert.deepEqual(valuesOf(before), consecutive(1, before.length));
    const last = parsed((await sandbox.command(...wanted, "--since", "1s")).stdout);
    assert.ok(last.length > 0 && last.length < before.length, "counted back from the partition's end");
    assert.deepEqual(last, before.slice(-last.length));

    const second = run();
    await polled(second);
    const both = await sandbox.command(...wanted);
    assert.match(
      both.stderr,
      /^\S+modbus_journal\.before: the run that began \S+ and has ended\n\S+modbus_journal: the run that began \S+Z\n$/,
    );
    const all = parsed(both.stdout);
    assert.deepEqual(all.slice(0, before.length), before);
    assert.ok(Number(all[before.length]?.value) > before.length, "polls of the next run");
    assert.deepEqual(new Set(all.map(({ key }) => key)), new Set(["A: zählt"]));

    await follow.until(
      "it follows the next run",
      () =>
        (follow.stderr.match(/the run that began/g) ?? []).length === 2 &&
        restartIn(parsed(follow.stdout.slice(0, follow.stdout.lastIndexOf("\n") + 1))) > 0,
    );
    const { code, stdout, stderr } = await follow.end("SIGINT");
    assert.equal(code, 0, stderr);
    const lines = parsed(stdout);
    const restart = restartIn(lines);
    assert.ok(restart > 5, String(restart));
    assert.deepEqual(valuesOf(lines.slice(0, restart)), consecutive(1, restart));
    assert.deepEqual(new Set(lines.map(({ key }) => key)), new Set(["A: zählt"]));
  },
);

test("without a journal, or with a damaged one, it says what may be the reason", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { code, stderr } = await sandbox.command("journal", "opcua");
  assert.equal(code, 1);
  assert.match(stderr, /^cannot read \S+opcua_journal because there is none: .*--journal-size\)\?\n$/);
  const bytes = readFileSync(new URL("../../../readers/vectors/changes.journal", import.meta.url));
  bytes.writeBigUInt64LE(4n, journalHeader.lastRecord);
  writeFileSync(sandbox.path("opcua_journal"), bytes);
  const damaged = await sandbox.command("journal", "opcua", "--follow");
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /^cannot show \S+opcua_journal: .*its last record is none; restart the partition .*\n$/);
  const wrong = await sandbox.command("journal", "opcua", "--since", "yesterday");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /number with s, m, h or d behind it/);
});
