import assert from "node:assert/strict";
import { test } from "node:test";

import { meaningOfFunction } from "../../../../../packages/partition/src/protocols/modbus/configuration/read-function.ts";

for (const [code, spellings] of [
  [1, ["Read Coils", "Read Coil Status", "read coil", "COILS", "FC01", "1", "FC1 Read Coils"]],
  [2, ["Read Discrete Input", "Read Discrete Inputs", "Read Input Status", "discrete inputs", "fc 2", "0x02"]],
  [
    3,
    [
      "Read Holding Registers",
      "Read Holding Register",
      "readHoldingRegisters",
      "FC03",
      "03",
      "Read Holding Registers (0x03)",
    ],
  ],
  [4, ["Read Input Registers", "read_input_registers", "Input Register", "Function code 4", "FC-04"]],
] as const) {
  test(`function ${code} is understood in every unambiguous spelling`, () => {
    for (const written of spellings) assert.deepEqual(meaningOfFunction(written), { kind: "read", code }, written);
  });
}

test("every function that writes is recognised as one, by name and by code", () => {
  const spellings = [
    "Write Single Coil",
    "write_multiple_registers",
    "Mask Write Register",
    "Preset Single Register",
    "Force Single Coil",
  ];
  for (const written of [...spellings, "FC05", "6", "FC15", "0x10", "FC22", "23"]) {
    assert.deepEqual(meaningOfFunction(written), { kind: "write" }, written);
  }
});

for (const [written, hint] of [
  ["Read Registers", "; did you mean Read Holding Registers (FC03) or Read Input Registers (FC04)?"],
  ["Inputs", "; did you mean Read Discrete Inputs (FC02) or Read Input Registers (FC04)?"],
  ["Read Coils (FC03)", "; did you mean Read Holding Registers (FC03) or Read Coils (FC01)?"],
  ["Read Holding Regsiters", "; did you mean Read Holding Registers?"],
  ["Wirte Single Coil", "; did you mean Write Single Coil?"],
  ["Read Exception Status", ""],
  ["FC43", ""],
  ["", ""],
] as const) {
  test(`the function ${JSON.stringify(written)} is not guessed`, () => {
    const meaning = meaningOfFunction(written);
    assert.equal(meaning.kind, "unknown");
    assert.equal(meaning.because.replace(/^it must be .* \(FC04\)(?=;|$)/, ""), hint);
  });
}
