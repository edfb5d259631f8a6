// The log has nobody who takes it: a pipe that nobody reads or that is closed, a full disk, a terminal after Ctrl+S.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { fault } from "./fault.ts";
import { isFresh, modbusGateway } from "./gateway.ts";
import type { TestedPartition } from "./tested-partition.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Witness } from "./witness.ts";

const exitWithinMs = 5000;
const reloads = 20;

/** A pipe as the partition gets it, blocking; and the test's end of it. */
function pipe(t: TestContext): { readonly writing: number; readonly reading: number } {
  const path = join(new Sandbox(t).folder, "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY);
  t.after(() => closeSync(writing));
  return { writing, reading };
}

/** Leaves no room for a byte. */
function fill({ writing }: { readonly writing: number }): void {
  const nonBlocking = openSync(`/proc/self/fd/${writing}`, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(nonBlocking, Buffer.alloc(4096, "x"));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  } finally {
    closeSync(nonBlocking);
  }
}

/** Everything that is in the pipe. */
function drain(reading: number): string {
  const chunk = Buffer.alloc(65_536);
  let text = "";
  try {
    for (;;) {
      const length = readSync(reading, chunk);
      if (length === 0) return text;
      text += chunk.toString("utf8", 0, length);
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    return text;
  }
}

/** Records are written all the time, and values go on. */
async function talks(partition: TestedPartition): Promise<void> {
  for (let reload = 0; reload < reloads; reload++) {
    const sinceMs = Date.now();
    partition.child.signal("SIGHUP");
    await partition.until("values go on", () => isFresh(partition, sinceMs));
  }
}

fault({
  area: "Machine",
  trigger: "standard error is a pipe that is full, and nobody reads it",
  holds: "values go on, and SIGTERM ends it with 0 within 5 s",
  extent: "quick",
  run: async (t) => {
    const full = pipe(t);
    t.after(() => closeSync(full.reading));
    fill(full);
    const partition = await modbusGateway(t, { launch: { stderr: full.writing } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    await talks(partition);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "standard error is a pipe that is full, and is read again after a while",
  holds: "no record is missing, and their order is kept",
  run: async (t) => {
    const slow = pipe(t);
    t.after(() => closeSync(slow.reading));
    fill(slow);
    const partition = await modbusGateway(t, { launch: { stderr: slow.writing } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await talks(partition);
    let text = "";
    const reader = setInterval(() => (text += drain(slow.reading)), 20);
    await partition.end();
    clearInterval(reader);
    text += drain(slow.reading);
    const records = text.replace(/^x+/, "").trim().split("\n");
    const messages = records.map((record) => (JSON.parse(record) as { readonly msg: string }).msg);
    const reloaded = messages.filter((message) => message.startsWith("configuration applied"));
    // Signals that come while the files are read are one more reload together.
    assert.ok(reloaded.length >= 1 && reloaded.length <= reloads, `${reloaded.length} reloads`);
    const dropped = messages.filter((message) => message.includes("dropped"));
    assert.deepEqual(dropped, []);
    assert.deepEqual([messages[0], ...messages.slice(-2)], ["started", "stopping", "stopped"]);
  },
});

fault({
  area: "Machine",
  trigger: "whoever read standard error has gone",
  holds: "values go on, and SIGTERM ends it with 0",
  run: async (t) => {
    const { writing, reading } = pipe(t);
    const partition = await modbusGateway(t, { launch: { stderr: writing } });
    await partition.until("values are good", () => isFresh(partition, 0));
    closeSync(reading);
    await talks(partition);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "standard error goes to a disk that is full",
  holds: "values go on, and SIGTERM ends it with 0",
  run: async (t) => {
    const full = openSync("/dev/full", constants.O_WRONLY);
    t.after(() => closeSync(full));
    const partition = await modbusGateway(t, { launch: { stderr: full } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await talks(partition);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "Ctrl+S stops the terminal that it runs on",
  holds: "values go on, and SIGTERM ends it with 0 within 5 s",
  run: async (t) => {
    if (spawnSync("script", ["--version"]).status !== 0) {
      t.skip("script(1) of util-linux is not installed: it makes the terminal");
      return;
    }
    const sandbox = new Sandbox(t);
    const { port } = await startBornDevice(t, 0);
    const file = sandbox.write("modbus.xml", bornModbusXml({ alias: "device", port, firstPlace: 0, points: 3 }));
    const main = fileURLToPath(new URL("../../packages/partition/src/main.ts", import.meta.url));
    const command = [process.execPath, main, "run", "--modbus", file, "--prefix", sandbox.prefix, "--interval", "0.1"];
    const quoted = [...command, "--log-format", "json"].map((word) => `'${word}'`).join(" ");
    const terminal = spawn("script", ["--quiet", "--return", "--command", `exec ${quoted}`, "/dev/null"]);
    t.after(() => terminal.kill("SIGKILL"));
    let shown = "";
    terminal.stdout.on("data", (text) => (shown += String(text)));
    const rules = { oldestGoodMs: 2500, bystanders: ["device"], longestPauseMs: 2000, documents: true };
    const witness = new Witness(sandbox, "modbus", rules);
    t.after(() => witness.end());
    await until(() => witness.isFresh(0) && /"pid":\d+/.test(shown));
    const partition = Number(/"pid":(\d+)/.exec(shown)?.[1]);
    // A partition outlives its terminal.
    t.after(() => terminal.exitCode === null && process.kill(partition, "SIGKILL"));
    terminal.stdin.write("\u0013");
    const reload = async (): Promise<void> => {
      const sinceMs = Date.now();
      process.kill(partition, "SIGHUP");
      await until(() => witness.isFresh(sinceMs));
    };
    let before: string;
    do {
      before = shown;
      await reload();
    } while (shown !== before);
    for (let count = 0; count < reloads; count++) await reload();
    assert.equal(shown, before, "the terminal stands still");
    witness.excuse(true);
    const stopwatch = new Stopwatch(partition);
    process.kill(partition, "SIGTERM");
    const [code] = (await once(terminal, "exit")) as [number | null];
    assert.equal(code, 0);
    const { isWithin, text } = stopwatch.stop(exitWithinMs);
    assert.ok(isWithin, text);
    assert.deepEqual(witness.violations, []);
  },
});

async function until(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 150_000;
  while (!condition()) {
    assert.ok(performance.now() < giveUpMs, `waited in vain until ${String(condition)}`);
    await pause(10);
  }
}
