// How much faster is one cycle over 1000 contiguous holding registers than the Python reference's, which asks for one after the
// other? Both read the same server process and publish the same points: libmodbus, which answers at once, or pymodbus, which
// takes as long for a request as small devices do. Needs scripts/install-peers.
//
//   node benchmarks/cycle-modbus.ts [--server libmodbus|pymodbus] [--json]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { alternate, LineProcess } from "./cycling-process.ts";
import { modbusConfiguration } from "./plant-configuration.ts";
import { compare, print } from "./report.ts";

const REGISTERS = 1000;
const ROUNDS = 20;
const OURS_PER_ROUND = 50;
/** One cycle of the reference itself, measured once on two cores. */
const RECORDED_REFERENCE_MS = 97;
const WANTED_TIMES = 50;

const { server: kind } = parseArgs({
  options: { server: { type: "string", default: "libmodbus" }, json: { type: "boolean" } },
}).values;

/** An entry of the table of tests/interop/peers/pymodbus-server.py. */
function tableEntry(address: number): object {
  return { value: (address * 257) % 65536, source: { unit: 1, function: 3, address, dataType: "UInt16" } };
}

function startServer(): LineProcess {
  if (kind === "libmodbus") return LineProcess.libmodbusServer();
  const table = join(folder, "table.json");
  const entries = Array.from({ length: REGISTERS }, (_, address) => [`${address}`, tableEntry(address)]);
  writeFileSync(table, JSON.stringify(Object.fromEntries(entries)));
  return LineProcess.python("../tests/interop/peers/pymodbus-server.py", table);
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using server = startServer();
  const port = (await server.line())["port"] as number;
  const file = join(folder, "modbus.xml");
  writeFileSync(file, modbusConfiguration(port, REGISTERS));
  await using ours = LineProcess.node("our-cycle.ts", "modbus", file);
  await using reference = LineProcess.python("peers/reference_modbus.py", port, REGISTERS);
  const contest = await alternate(ours, reference, ROUNDS, OURS_PER_ROUND);
  print(
    compare(
      `One cycle over ${REGISTERS} holding registers of a ${kind} server`,
      contest,
      WANTED_TIMES,
      RECORDED_REFERENCE_MS,
    ),
  );
} finally {
  rmSync(folder, { recursive: true });
}
