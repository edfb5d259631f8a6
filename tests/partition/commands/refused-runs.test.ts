import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Sandbox } from "./cpc.ts";
import { connectionKey, device, modbusXml } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 200_000 };

test(
  "invalid files exit 2 with a line for every problem in any of them, and make no OS object",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const spoilt = modbusXml({ alias: "A", port: 502 })
      .replace("<address>0<", "<address>70000<")
      .replace("<quantity>1<", "<quantity>0<");
    const modbus = sandbox.write("modbus.xml", spoilt);
    const opcua = sandbox.write("opcua.xml", "<opcua-servers>\n<server/>\n</opcua-servers>");
    const { code, stdout, stderr } = await sandbox.run("--modbus", modbus, "--opcua", opcua).ended;
    assert.equal(code, 2);
    assert.equal(stdout, "");
    const lines = stderr.trimEnd().split("\n");
    for (const line of lines) assert.match(line, /^\S+\.xml:\d+: \S/);
    assert.ok(lines.filter((line) => line.startsWith(`${modbus}:`)).length >= 2, stderr);
    assert.ok(
      lines.some((line) => line.startsWith(`${opcua}:2: `)),
      stderr,
    );
    assert.deepEqual(sandbox.ownObjects(), []);
  },
);

for (const [what, args, message] of [
  ["an unknown option", ["run", "--modbus", "x.xml", "--nonsense"], /unknown option '--nonsense'/],
  ["an unknown command", ["rnu"], /unknown command 'rnu'.*\n.*run/],
  ["nothing to run", ["run"], /nothing to run: give --opcua FILE, --modbus FILE or both/],
  [
    "a file without its option",
    ["run", "line.xml"],
    /error: "line\.xml" stands without an option: give --opcua FILE, --modbus FILE or both/,
  ],
  ["an interval of nothing", ["run", "--modbus", "x.xml", "--interval", "0"], /--interval.*number of seconds/],
  ["a prefix with a slash", ["run", "--modbus", "x.xml", "--prefix", "a/b"], /--prefix.*letters, digits/],
  ["an empty consumer", ["run", "--modbus", "x.xml", "--consumers", "a,,b"], /--consumers.*commas/],
  ["an unknown service", ["dump", "profinet"], /Allowed choices are opcua, modbus/],
  ["a file that is not there", ["check", "nowhere.xml"], /nowhere\.xml/],
] as const) {
  test(`${what} exits 2 and says what would be right`, watchdog, async (t) => {
    const { code, stderr } = await new Sandbox(t).ran(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test("help and version exit 0", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  for (const args of [["--help"], ["--version"], ["run", "--help"], ["clean", "--help"]]) {
    const { code, stdout } = await sandbox.ran(...args);
    assert.equal(code, 0);
    assert.ok(stdout.length > 0);
  }
});

test(
  "every option of run is an environment variable, too, and the command line goes before it",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const modbus = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
    const run = sandbox.cpc(["run", "--log-level", "info"], {
      CPC_MODBUS: modbus,
      CPC_INTERVAL: "0.05",
      CPC_PREFIX: sandbox.prefix,
      CPC_CONSUMERS: "psmo",
      CPC_SEGMENT_SIZE: "20K",
      CPC_JOURNAL_SIZE: "1M",
      CPC_REMOVE_ON_EXIT: "true",
      CPC_LOG_LEVEL: "error",
      CPC_LOG_FORMAT: "json",
    });
    await run.until("there are values", () => sandbox.value("A: always 42", "modbus_shm_psmo") === 42);
    assert.deepEqual(sandbox.ownObjects(), [
      "modbus_documents",
      "modbus_image",
      "modbus_journal",
      "modbus_shm_psmo",
      "sem.modbus_semaphore_psmo",
    ]);
    const sizes = ["modbus_shm_psmo", "modbus_journal"].map((name) => statSync(sandbox.path(name)).size);
    assert.deepEqual(sizes, [20 * 1024, 1024 * 1024]);
    const [started] = run.logged(/^started$/);
    assert.deepEqual([started?.["intervalMs"], started?.["consumers"]], [50, ["psmo"]]);
    await run.end();
    assert.deepEqual(sandbox.ownObjects(), []);
  },
);

test("an environment variable that says no, or nothing, is no", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const modbus = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const env = {
    CPC_MODBUS: modbus,
    CPC_PREFIX: sandbox.prefix,
    CPC_REMOVE_ON_EXIT: "false",
    CPC_REQUIRE_SECURITY: "no",
    CPC_STRICT_JSON: "0",
    CPC_UNREADABLE: "",
    CPC_CONSUMERS: "",
    CPC_OPCUA: "",
  };
  const run = sandbox.cpc(["run"], env);
  await run.until("there are values", () => sandbox.value("A: always 42") === 42);
  await run.end();
  assert.equal(sandbox.value(connectionKey("A")), false, "the objects stay");
});

test("a reader that closes its pipe ends nothing with a stack, and a full disk is told in a sentence", watchdog, () => {
  const main = fileURLToPath(new URL("../../../packages/partition/src/main.ts", import.meta.url));
  const shell = (line: string) => spawnSync("sh", ["-c", line, process.execPath, main], { encoding: "utf8" });
  assert.equal(shell('"$0" "$1" --help | true').stderr, "");
  const full = shell('"$0" "$1" --help > /dev/full');
  assert.equal(full.status, 1);
  assert.match(full.stderr, /^cannot write the output: ENOSPC.*\n$/);
});
