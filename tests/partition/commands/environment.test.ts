import assert from "node:assert/strict";
import { test } from "node:test";
import { dropEmptyVariables } from "../../../packages/process/src/environment.ts";
import { createProgram } from "../../../packages/partition/src/commands/program.ts";

test("every switch of run that is set to no in the environment is off", async () => {
  const { commands } = await createProgram("0", () => {});
  const run = commands.find((command) => command.name() === "run");
  const switches = run?.options.filter((option) => option.isBoolean() && option.envVar !== undefined) ?? [];
  assert.deepEqual(
    switches.map(({ envVar }) => envVar),
    ["CPC_REQUIRE_SECURITY", "CPC_STRICT_JSON", "CPC_REMOVE_ON_EXIT"],
  );
  for (const no of ["0", "false", "No", "off", " ", ""]) {
    const environment = Object.fromEntries(switches.map(({ envVar }) => [envVar, no]));
    dropEmptyVariables(environment);
    assert.deepEqual(environment, {});
  }
});
