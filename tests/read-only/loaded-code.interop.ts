// What code is in a partition that reads real servers: as the engine saw it, in all threads, from start to end.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { loadedRequests } from "../../packages/partition/src/protocols/opcua/loaded-code.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { compiled, recording, unwanted } from "./compiled-code.ts";
import { startRecordedPlant } from "./recorded-plant.ts";

const watchdog = { timeout: 60_000 };

test("in a whole run no request exists that does more than connect, browse and read", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const plant = await startRecordedPlant(t, sandbox, { policy: "SecurityPolicyBasic256Sha256", mode: "Sign" });
  const file = join(sandbox.folder, "scripts");
  const run = sandbox.runIn(
    { env: recording(file) },
    "--opcua",
    plant.writeOpcUa(),
    "--modbus",
    plant.writeModbus(),
    "--certificates",
    plant.certificatesDirectory,
  );
  await run.until("values are published", () => sandbox.value("OPC UA Connections:Abfüllanlage", "opcua_shm") === true);
  assert.equal((await run.end()).code, 0);
  const { packages, requests } = compiled(file);
  assert.deepEqual(requests, loadedRequests.toSorted());
  assert.deepEqual(
    [...packages].filter((name) => unwanted.test(name)),
    [],
  );
  assert.ok(packages.has("node-opcua-client") && packages.has("koffi"));
  t.diagnostic(`code of ${packages.size} packages`);
});

test("counter-test: without the loader there are the requests that write, and the packages", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const file = join(sandbox.folder, "scripts");
  const manager = new URL("../../packages/partition/src/library/opcua-client-manager.ts", import.meta.url);
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", `await import("${manager.href}")`], {
    env: { ...process.env, ...recording(file) },
  });
  const { packages, requests } = compiled(file);
  for (const name of ["WriteRequest", "CallRequest", "AddNodesRequest", "HistoryUpdateRequest", "DeleteNodesRequest"])
    assert.ok(requests.includes(name), name);
  assert.ok([...packages].filter((name) => unwanted.test(name)).length > 5, [...packages].join(" "));
});
