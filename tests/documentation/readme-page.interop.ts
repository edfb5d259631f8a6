// README.md and docs/library.md as their reader uses them: every command on the pages is run here, or by the test that the table names, and every program
// on them, too (the one that needs posix_ipc by tests/interop/pages.interop.ts).

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createProgram } from "../../packages/partition/src/commands/program.ts";
import { until } from "../until.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { modbusServersXml, opcUaServersXml } from "../plant/configuration-xml.ts";
import { honest, startDevice } from "../plant/modbus-device.ts";
import { freePort } from "../plant/free-port.ts";
import { OpcUaRig } from "../plant/opcua-rig.ts";

const root = join(import.meta.dirname, "../..");
const page = ["README.md", "docs/library.md"].map((file) => readFileSync(join(root, file), "utf8")).join("\n");
const watchdog = { timeout: 90_000 };
const withoutPython = spawnSync("python3", ["--version"]).status !== 0 && "there is no python3";

/** What downloads, builds, or needs a terminal. */
const elsewhere: Readonly<Record<string, string>> = {
  "npm ci && npm start": "tests/documentation/readme-commands.interop.ts",
  "npm ci && npm test": ".ci/run",
  "sudo apt-get install python3-venv": "scripts/install-peers",
  "sudo apt-get install python3-pandas": "scripts/install-peers",
  "python3 -m venv venv && venv/bin/pip install posix_ipc": "tests/documentation/readme-commands.interop.ts",
  "npm run -s build": ".ci/run",
  'cpc() { npm run -s cpc -- "$@"; }': "tests/documentation/readme-commands.interop.ts",
  "cpc watch": "tests/documentation/readme-commands.interop.ts",
  "cpc completion bash": "tests/documentation/readme-commands.interop.ts",
  "cpc --version --json": "tests/documentation/readme-commands.interop.ts",
  "man cpc": "scripts/test-install",
};

const asWritten = "cpc ";
const ran = new Set(["python3 values.py", "npx node example.mjs"]);

/** The words behind `cpc` of a command that stands on the page. */
function wordsOf(command: string): string[] {
  assert.ok(page.includes(command), `neither page has: ${command}`);
  ran.add(command);
  return command
    .slice(asWritten.length)
    .replace(/ > .*$/, "")
    .split(" ");
}

function programIn(language: string, words: string): string {
  const blocks = page.split(`\`\`\`${language}\n`).map((block) => block.split("```")[0] ?? "");
  return blocks.slice(1).find((block) => block.includes(words)) ?? assert.fail(`no program with ${words}`);
}

const rig = new OpcUaRig({ policies: ["Basic256Sha256"] });

test("the way from a configuration to values, step by step", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const device = await startDevice(honest(() => 5));
  t.after(() => device.close());
  const endpoints = [{ name: "register", address: 0 }];
  sandbox.write("my-modbus.xml", modbusServersXml({ alias: "A", port: device.port, endpoints }));
  const nodes = [{ name: "a" }];
  sandbox.write("my-opcua.xml", opcUaServersXml({ alias: "B", url: rig.url, policy: "Basic256Sha256", nodes }));
  const command = (text: string) => sandbox.command(...wordsOf(`${asWritten}${text}`));

  assert.equal((await command("check my-modbus.xml my-opcua.xml")).code, 0);
  const own = ["--prefix", sandbox.prefix, "--interval", "0.1", "--log-format", "json"];
  const run = sandbox.cpc([...wordsOf(`${asWritten}run --opcua my-opcua.xml --modbus my-modbus.xml`), ...own]);
  const shown = /certificate, SHA-256 ([0-9a-f]{64}), is refused/;
  await run.until("the log shows the fingerprint", () => shown.test(run.stderr));
  const [, fingerprint = ""] = shown.exec(run.stderr) ?? [];
  const [, , ...trust] = wordsOf(`${asWritten}cert trust FINGERPRINT`);
  assert.deepEqual(trust, ["FINGERPRINT"]);
  assert.equal((await sandbox.cpc(["cert", "trust", fingerprint]).ended).code, 0);
  await run.until("both are read", () => sandbox.value("1:a", "opcua_shm") === 0 && sandbox.value("A: register") === 5);

  const [pretty, image, exported] = await Promise.all([
    command("dump modbus --pretty"),
    command("dump modbus --image"),
    command("export modbus > values.csv"),
  ]);
  assert.match(pretty.stdout, /^ {2}"A: register": \{ "value": 5, "varType": "UInt16", "description": "[^"]*" \}$/m);
  assert.match(image.stdout, /^A +register +5 +Good/m);
  assert.match(exported.stdout, /^(?=.*A: register)(?=.*\b5\b)(?=.*Good)/m);
  await t.test("the Python program needs no package", { skip: withoutPython }, () => {
    const text = programIn("python", "cpc_image").replace('f"{service}_image"', `f"${sandbox.prefix}{service}_image"`);
    const { status, stdout, stderr } = spawnSync("python3", ["-"], { cwd: root, input: text, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(
      stdout.split("\n").map((line) => line.trimEnd()),
      ["1:a 0.0", "A: register 5", ""],
    );
  });
});

test("the program for the library reads the simulated device, and leaves nothing", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const file = "examples/loopback/modbustcp-endpoints.xml";
  const here = sandbox.write("endpoints.xml", readFileSync(join(root, file), "utf8").replace(">15020<", `>${port}<`));
  const words = wordsOf(`${asWritten}simulate --modbus ${file} --modbus-port 15020`);
  sandbox.cpc(words.map((word) => (word === file ? here : word === "15020" ? String(port) : word)));
  // Where the packages of the checkout are found.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "readme-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "example.mjs");
  const text = programIn("js", "ModbusClientManager").replace(file, here).replace('"example_"', `"${sandbox.prefix}"`);
  writeFileSync(program, text);
  const child = spawn(process.execPath, [program], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const ended = once(child, "close");
  await until("the flow is there", () => sandbox.value("Versuchsstand: Durchfluss") !== undefined, {
    isHopeless: () => child.exitCode !== null,
    evidence: () => said,
  });
  assert.deepEqual(wordsOf(`${asWritten}dump modbus --prefix example_`).slice(2), ["--prefix", "example_"]);
  assert.match((await sandbox.command("dump", "modbus")).stdout, /"Versuchsstand: Durchfluss"/);
  child.kill("SIGINT");
  assert.deepEqual(await ended, [0, null], said);
  assert.deepEqual(sandbox.objects(), []);
});

test("every command on the pages is run by a test, and every command of the table exists", async () => {
  const blocks = [...page.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = ""]) => block.trim().split("\n"));
  const inline = [...page.matchAll(/`((?:npm|npx|cpc|sudo|man|python3) [^`]+)`/g)].map(([, command = ""]) => command);
  const commands = [...blocks, ...inline].map((line) => line.trim()).filter((line) => !/^npm (?:ci|start)$/.test(line));
  assert.ok(commands.length > 18, `${commands.length} commands`);
  const unknown = commands.filter((line) => !ran.has(line) && elsewhere[line] === undefined);
  assert.deepEqual(unknown, []);
  for (const [command, where] of Object.entries(elsewhere)) {
    assert.ok(commands.includes(command), `neither page has: ${command}`);
    assert.ok(existsSync(join(root, where)), where);
  }
  const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> })
    .scripts;
  assert.equal(scripts["start"], "npm run -s cpc -- demo");

  const program = await createProgram("0", () => {});
  const names = new Set(program.commands.map((command) => command.name()));
  const rows = [...page.matchAll(/^\| `([^`]+)`(?:, `([^`]+)`)? +\| (?:\w|shows)/gm)];
  const table = rows.flatMap(([, first = "", second = first]) => [first, second]);
  const listed = table.map((row) => row.split(/[ (.]/)[0] ?? "").filter((word) => /^[a-z]+$/.test(word));
  for (const name of ["run", "watch", "status", "probe", "clean"]) assert.ok(listed.includes(name), name);
  const strangers = listed.filter((name) => !names.has(name) && !/^(?:main|client)$/.test(name));
  assert.deepEqual(strangers, []);
});
