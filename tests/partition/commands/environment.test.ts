import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dropEmptyVariables, misspelledVariables } from "../../../packages/process/src/environment.ts";
import { allCommands, commandTree } from "../../../packages/partition/src/commands/command-tree.ts";
import { optionVariables, switchVariables } from "../../../packages/process/src/option-variables.ts";
import { createProgram } from "../../../packages/partition/src/commands/program.ts";
import { modbusServersXml } from "../../plant/configuration-xml.ts";
import { startDevice } from "../../plant/modbus-device.ts";
import { Sandbox } from "./cpc.ts";

const program = await createProgram("0", () => {});

type Command = typeof program;
type Option = Command["options"][number];

function optionsBelow(command: Command, words = ""): readonly (readonly [string, Option])[] {
  const own = command.options.map((option) => [`${words} ${option.long}`, option] as const);
  return [...own, ...command.commands.flatMap((below) => optionsBelow(below, `${words} ${below.name()}`))];
}

const options = optionsBelow(program).filter(([name]) => name !== " --version");

test("every switch that is set to no in the environment is off", () => {
  const switches = switchVariables(program);
  for (const expected of ["CPC_REQUIRE_SECURITY", "CPC_NO_DOCUMENTS", "CPC_CHECK_JSON", "CPC_BRIDGE_NO_COMMANDS"])
    assert.ok(switches.has(expected), expected);
  assert.equal(switches.has("CPC_INTERVAL"), false);
  for (const no of ["0", "false", "No", "off", " ", ""]) {
    const environment = Object.fromEntries(Array.from(switches, (name) => [name, no]));
    dropEmptyVariables(environment, switches);
    assert.deepEqual(environment, {});
  }
  const environment = { CPC_INTERVAL: "0", CPC_CHECK_JSON: "true", CPC_PREFIX: "", OTHER: "" };
  dropEmptyVariables(environment, switches);
  assert.deepEqual(environment, { CPC_INTERVAL: "0", CPC_CHECK_JSON: "true", OTHER: "" });
});

test("a variable that was meant for an option and is none is told, with what it could be; anybody's own is not", () => {
  const known = optionVariables(program);
  const told = (...names: readonly string[]): readonly string[] =>
    misspelledVariables(Object.fromEntries(names.map((name) => [name, "x"])), known);
  assert.deepEqual(told("CPC_MODBSU", "CPC_MONITOR_LISTN", "CPC_CONSUMER"), [
    "no option has the variable CPC_MODBSU; did you mean CPC_MODBUS?",
    "no option has the variable CPC_MONITOR_LISTN; did you mean CPC_MONITOR_LISTEN?",
    "no option has the variable CPC_CONSUMER; did you mean CPC_CONSUMERS?",
  ]);
  assert.match(
    told("CPC_MONITOR_HTTP")[0] ?? "",
    /^no option has the variable CPC_MONITOR_HTTP; there are CPC_MONITOR_/,
  );
  assert.deepEqual(told(...known), []);
  assert.deepEqual(told("CPC_PASSWORD_PLC_1", "CPC_SECRET", "PATH", "CPC"), []);
  const ofKubernetes = [
    "SERVICE_HOST",
    "SERVICE_PORT",
    "SERVICE_PORT_HTTP",
    "PORT",
    "PORT_9850_TCP",
    "PORT_9850_TCP_ADDR",
  ];
  assert.deepEqual(told(...ofKubernetes.map((name) => `CPC_MONITOR_${name}`)), []);
});

test("every command says so once, as a warning, and the journal gets the level of each line", async (t) => {
  const sandbox = new Sandbox(t);
  const warning = "warning: no option has the variable CPC_PREFXI; did you mean CPC_PREFIX?\n";
  const plain = await sandbox.cpc(["dump", "modbus"], { CPC_PREFXI: "a" }).ended;
  assert.match(plain.stderr, new RegExp(`^${warning.replace("?", "\\?")}cannot read modbus_shm because there is none`));
  const path = join(sandbox.folder, "journal");
  const stderr = openSync(path, "w");
  t.after(() => closeSync(stderr));
  const { dev, ino } = fstatSync(stderr);
  const env = { CPC_PREFXI: "a", JOURNAL_STREAM: `${dev}:${ino}` };
  await sandbox.runIn({ env, stderr }, "--modbus", join(sandbox.folder, "none.xml")).ended;
  assert.match(
    readFileSync(path, "utf8"),
    new RegExp(
      `^<4>${warning.replace("?", "\\?")}<3>\\S+none\\.xml:1: cannot read the file because it does not exist\n$`,
    ),
  );
});

test("every option of every command has a variable, shared only by options of the same name, and its help names it", () => {
  assert.ok(options.length > 90, `${options.length} options`);
  const optionOf = new Map<string, string>();
  for (const [name, { envVar = "", long = "" }] of options) {
    assert.match(envVar, /^CPC_[A-Z0-9_]+$/, name);
    assert.equal(optionOf.get(envVar) ?? long, long, `${name} and another option have ${envVar}`);
    optionOf.set(envVar, long);
  }
  assert.equal(optionOf.get("CPC_STATUS_REQUIRE_CONNECTED"), "--require-connected", "docs/containers.md names it");
  for (const { words, options: shown } of allCommands(commandTree(program)))
    for (const { flags, variable, description } of shown)
      if (!flags.includes("--help") && words.length > 0)
        assert.match(description, new RegExp(`env: ${variable}\\)`), words.join(" ") + flags.join());
});

test(
  "a command takes its options from the environment, and the command line counts more",
  { timeout: 200_000 },
  async (t) => {
    const device = await startDevice();
    t.after(() => device.close());
    const sandbox = new Sandbox(t);
    const environment = { CPC_PROBE_HOLDING: "3..4", CPC_PROBE_JSON: "yes", CPC_PROBE_UNIT: "7" };
    const { stdout } = await sandbox.cpc(["probe", `127.0.0.1:${device.port}`, "--unit", "9"], environment).ended;
    const [table] = (JSON.parse(stdout) as { tables: { unitId: number; values: { address: number }[] }[] }).tables;
    assert.equal(table?.unitId, 9);
    assert.deepEqual(
      table.values.map(({ address }) => address),
      [3, 4],
    );

    const xml = modbusServersXml({ alias: "A", port: 502, endpoints: [{ name: "x", address: 0 }] });
    const off = await sandbox.cpc(["check", sandbox.write("modbus.xml", xml)], { CPC_CHECK_JSON: "off" }).ended;
    assert.match(off.stdout, /modbus\.xml is valid/);
  },
);
