import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { loadModbusConfiguration } from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { ConfigurationError } from "../../../../../packages/partition/src/configuration/problem.ts";

test("servers of several files that share a connection have to agree, and the error names the file of the second", () => {
  const [first, second] = ["modbus-framing", "modbus-window"].map((name) =>
    join(import.meta.dirname, "../../../configuration/cases", name, "modbus.xml"),
  );
  assert.ok(first !== undefined && second !== undefined);
  assert.throws(
    () => loadModbusConfiguration([first, second]),
    (error) => {
      assert.ok(error instanceof ConfigurationError);
      const found = error.problems.map(({ file, message }) => [
        file,
        /"(?:First|Second)" has <\w+>/.exec(message)?.[0],
      ]);
      assert.deepEqual(found, [
        [second, '"First" has <framing>'],
        [second, '"First" has <maxInFlight>'],
        [second, '"Second" has <framing>'],
        [second, '"Second" has <maxInFlight>'],
      ]);
      return true;
    },
  );
});
