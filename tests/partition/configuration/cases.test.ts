// One folder per case: a configuration file and what is said about it, every line of it. A case without errors must load.
// Written anew from the program's answers with WRITE_EXPECTED=1; then read the difference, line by line.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

import { loadModbusConfiguration } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { loadOpcUaConfiguration } from "../../../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";
import { ConfigurationError, formatProblem } from "../../../packages/partition/src/configuration/problem.ts";
import type { Problem } from "../../../packages/partition/src/configuration/problem.ts";

const cases = join(import.meta.dirname, "cases");

function said(kind: string, problems: readonly Problem[]): readonly string[] {
  return problems.map(({ file, line, message }) => `${kind} ${formatProblem({ file: basename(file), line, message })}`);
}

function load(folder: string): string {
  const modbus = join(folder, "modbus.xml");
  const opcua = join(folder, "opcua.xml");
  try {
    const { warnings, hints } = existsSync(modbus)
      ? loadModbusConfiguration(modbus, { certificatesDirectory: folder })
      : loadOpcUaConfiguration(opcua, { certificatesDirectory: folder });
    return [...said("warning", warnings), ...said("hint", hints), "loads"].join("\n");
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    assert.equal(error.code, "InvalidConfiguration");
    return said("error", error.problems).join("\n");
  }
}

for (const name of readdirSync(cases)) {
  test(`the case ${name} is answered as expected`, () => {
    const folder = join(cases, name);
    const answer = `${load(folder).replaceAll(folder, "{folder}")}\n`;
    const expected = join(folder, "expected.txt");
    if (process.env.WRITE_EXPECTED === "1") writeFileSync(expected, answer);
    assert.equal(answer, readFileSync(expected, "utf8"));
  });
}
