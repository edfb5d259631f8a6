// How much faster is one cycle over 1000 OPC UA nodes than the Python reference's, which makes three calls for each, one after the
// other? Both read the same node-opcua server and publish the same points. Needs scripts/install-peers.
//
//   node benchmarks/cycle-opcua.ts [--json]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alternate, LineProcess } from "./cycling-process.ts";
import { opcUaConfiguration } from "./plant-configuration.ts";
import { compare, print } from "./report.ts";

const NODES = 1000;
const ROUNDS = 10;
const OURS_PER_ROUND = 50;
/** One cycle of the reference itself, measured once on two cores. */
const RECORDED_REFERENCE_MS = 2000;
const WANTED_TIMES = 200;

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using server = LineProcess.node("peers/opcua-server.ts", NODES);
  const port = (await server.line())["port"] as number;
  const file = join(folder, "opcua.xml");
  writeFileSync(file, opcUaConfiguration(port, NODES));
  await using ours = LineProcess.node("our-cycle.ts", "opcua", file);
  await using reference = LineProcess.python("peers/reference_opcua.py", port, NODES);
  const contest = await alternate(ours, reference, ROUNDS, OURS_PER_ROUND);
  print(compare(`One cycle over ${NODES} OPC UA nodes`, contest, WANTED_TIMES, RECORDED_REFERENCE_MS));
} finally {
  rmSync(folder, { recursive: true });
}
