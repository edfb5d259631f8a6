// The programs on the pages for consumers, run as they stand there but for the names of shared memory.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { modbusServersXml } from "../plant/configuration-xml.ts";
import { Partition } from "./partition.ts";
import { CHECKOUT, Peer, PYTHON } from "./peer.ts";

/** The only program in a language on a page that has these words in it. */
function programOn(page: string, language: string, words = ""): string {
  const blocks = readFileSync(join(CHECKOUT, page), "utf8").split(`\`\`\`${language}\n`).slice(1);
  const programs = blocks.filter((block) => block.split("```")[0]?.includes(words));
  assert.equal(programs.length, 1, page);
  return programs[0]!.split("```")[0]!;
}

/** A program to its end, in the checkout. Not synchronous: what the partition reads goes through this process. */
async function ran(command: string, args: readonly string[], input?: string) {
  const child = spawn(command, args, {
    cwd: CHECKOUT,
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const status = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  child.stdin?.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  return { status: await status, stdout, stderr };
}

/** What it prints. On standard error Python's resource tracker says when it removes a segment. */
async function python(program: string): Promise<readonly string[]> {
  const { status, stdout, stderr } = await ran(PYTHON, ["-c", program]);
  assert.equal(status, 0, stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
}

function entry(varType: string) {
  return { value: 1, varType, description: "" };
}

/** A partition with good values and a point that its device refuses. */
async function running(partition: Partition): Promise<void> {
  const device = partition.keep(Peer.libmodbus());
  const port = await partition.beforeModbus((await device.message())["port"] as number);
  const xml = modbusServersXml({
    alias: "lib",
    port,
    endpoints: [
      { name: "bit", function: 3, address: 2, bit: 1 },
      { name: "register", function: 3, address: 1 },
      { name: "beyond the last", function: 3, address: 4000 },
    ],
  });
  const file = partition.write("modbus.xml", xml);
  const { status } = await ran(process.execPath, ["packages/partition/src/main.ts", "check", file]);
  assert.equal(status, 0);
  partition.run({ modbus: file });
  await partition.sees(await partition.consumer("modbus"), "lib: register", 257);
}

const shown = [
  "ModbusTCP Connections:lib: Connection status True Boolean",
  "lib: bit True Boolean",
  "lib: register 257 UInt16",
];

test("the program of the README shows every entry", async () => {
  await using partition = new Partition();
  await running(partition);
  const program = programOn("README.md", "python", "posix_ipc")
    .replace('("opcua", "modbus")', '("modbus",)')
    .replaceAll('f"{name}_', `f"${partition.prefix}{name}_`);
  assert.deepEqual(await python(program), shown);
});

test("the Python program of document.md shows every entry, finds objects that were replaced, and leaves the segment where it is", async () => {
  await using partition = new Partition();
  await running(partition);
  const program = programOn("docs/document.md", "python").replaceAll('f"{service}_', `f"${partition.prefix}{service}_`);
  assert.deepEqual(await python(program), shown);
  const again = `${program}
import time
document = Document("modbus")
document.read()
before = document.inodes
os.unlink(f"/dev/shm/{document.segment_name}")
os.unlink(f"/dev/shm/sem.{document.semaphore_name}")
while True:
    try:
        if document.read().get("lib: register", {}).get("value") == 257 and all(a != b for a, b in zip(before, document.inodes)):
            break
    except (FileNotFoundError, posix_ipc.ExistentialError, posix_ipc.BusyError, ValueError):
        pass
    time.sleep(0.01)
`;
  await python(again);
  assert.deepEqual(await python(program), shown, "nobody has removed it");
});

test("the C program of document.md prints the document", async () => {
  await using partition = new Partition();
  await running(partition);
  const source = programOn("docs/document.md", "c").replaceAll('"/modbus_', `"/${partition.prefix}modbus_`);
  const program = join(partition.folder, "read-document");
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-x", "c", "-", "-o", program, "-pthread", "-lrt"];
  const built = await ran("gcc", flags, source);
  assert.deepEqual([built.status, built.stderr], [0, ""]);
  const { status, stdout } = await ran(program, []);
  assert.equal(status, 0);
  assert.deepEqual(Object.keys(JSON.parse(stdout) as object), [
    "ModbusTCP Connections:lib: Connection status",
    "lib: bit",
    "lib: register",
  ]);
});

/** Publishes one document as the Python partition does, and waits for the end of its input. */
const oldPartition = `
import json, sys
from multiprocessing.shared_memory import SharedMemory
import posix_ipc
prefix = sys.argv[1]
for service, document in json.loads(sys.argv[2]).items():
    text = json.dumps(document).encode()
    segment = SharedMemory(name=f"{prefix}{service}_shm", create=True, size=12288)
    segment.buf[: len(text)] = text
    posix_ipc.Semaphore(f"{prefix}{service}_semaphore", posix_ipc.O_CREAT, initial_value=1)
    from multiprocessing import resource_tracker
    resource_tracker.unregister(f"/{prefix}{service}_shm", "shared_memory")
`;

test("the program of migration.md names the keys whose type is another one now, and removes nobody's segment", async () => {
  await using partition = new Partition();
  await running(partition);
  const old = `${partition.prefix}old_`;
  const documents = {
    opcua: {},
    modbus: {
      "ModbusTCP Connections:lib: Connection status": entry("Boolean"),
      "lib: bit": entry("Boolean"),
      "lib: register": entry("Int16"),
      "lib: gone": entry("UInt16"),
    },
  };
  const made = await ran(PYTHON, ["-c", oldPartition, old, JSON.stringify(documents)]);
  assert.deepEqual([made.status, made.stderr], [0, ""]);
  const onlyModbus = JSON.stringify({ opcua: {} });
  assert.equal((await ran(PYTHON, ["-c", oldPartition, partition.prefix, onlyModbus])).status, 0);
  const program = programOn("docs/migration.md", "python")
    .replace('prefix=""', `prefix="${old}"`)
    .replace('"trial_"', `"${partition.prefix}"`);
  for (const _ of [1, 2]) {
    assert.deepEqual(await python(program), [
      "opcua: 0 keys in both documents",
      "lib: gone: UInt16 before, no entry now",
      "lib: register: Int16 before, UInt16 now",
      "modbus: 3 keys in both documents",
    ]);
  }
});

test("pandas opens every format of an export in one line", async () => {
  await using partition = new Partition();
  await running(partition);
  for (const format of ["csv", "ndjson", "parquet"]) {
    const file = join(partition.folder, `values.${format}`);
    const args = ["packages/partition/src/main.ts", "export", "modbus", "--output", file, "--prefix", partition.prefix];
    const { status, stderr } = await ran(process.execPath, args);
    assert.equal(status, 0, stderr);
  }
  const lines = programOn("docs/export.md", "python")
    .split("\n")
    .filter((line) => /^(?:columns = |print\()/.test(line));
  assert.equal(lines.length, 4);
  const seen = await python(`
import os, pandas
os.chdir(${JSON.stringify(partition.folder)})
def show(frame):
    print(";".join(frame.key), float(frame.value[1]), frame.value.isna().sum(), ";".join(frame.status))
${lines.map((line) => line.replace(/^print\((.*)\)$/, "show($1)")).join("\n")}`);
  const expected = "lib: bit;lib: register;lib: beyond the last 257.0 1 Good;Good;BadOutOfRange";
  assert.deepEqual(seen, [expected, expected, expected]);
});
