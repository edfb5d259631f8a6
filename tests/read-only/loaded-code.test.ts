// What code is in a partition that reads real servers: as the engine saw it, in all threads, from start to end.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { loadedRequests } from "../../packages/partition/src/protocols/opcua/loaded-code.ts";
import { Place } from "../partition/commands/cpc.ts";
import { startRecordedPlant } from "./recorded-plant.ts";
import type { CompiledScript } from "./script-recorder.ts";

const recorder = new URL("./script-recorder.ts", import.meta.url).href;
const watchdog = { timeout: 60_000 };

function recording(file: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--conditions=cpc-source --import=${recorder}`, CPC_SCRIPTS: file };
}

/** Packages from which something was compiled, and the classes of requests that were. */
function compiled(file: string): { readonly packages: ReadonlySet<string>; readonly requests: readonly string[] } {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const scripts = lines.map((line) => JSON.parse(line) as CompiledScript);
  const packages = scripts.flatMap(({ url }) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
  return {
    packages: new Set(packages),
    requests: [...new Set(scripts.flatMap(({ requests }) => requests))].toSorted(),
  };
}

/** Certificate stores that watch folders, what listens on UDP, calls methods, or is a server. */
const unwanted =
  /^(?:node-opcua-(?:pki|certificate-manager|alarm-condition|service-history|service-node-management|server|address-space.*)|chokidar|sterfive-bonjour-service|multicast-dns|dns-packet|express)$/;

test("in a whole run no request exists that does more than connect, browse and read", watchdog, async (t) => {
  const place = new Place(t);
  const plant = await startRecordedPlant(t, place, { policy: "SecurityPolicyBasic256Sha256", mode: "Sign" });
  const file = join(place.folder, "scripts");
  const run = place.runIn(
    { env: recording(file) },
    "--opcua",
    plant.writeOpcUa(),
    "--modbus",
    plant.writeModbus(),
    "--certificates",
    plant.certificatesDirectory,
  );
  await run.until("values are published", () => place.value("OPC UA Connections:Abfüllanlage", "opcua_shm") === true);
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
  const place = new Place(t);
  const file = join(place.folder, "scripts");
  const manager = new URL("../../packages/partition/src/library/opcua-client-manager.ts", import.meta.url);
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", `await import("${manager.href}")`], {
    env: { ...process.env, ...recording(file) },
  });
  const { packages, requests } = compiled(file);
  for (const name of ["WriteRequest", "CallRequest", "AddNodesRequest", "HistoryUpdateRequest", "DeleteNodesRequest"])
    assert.ok(requests.includes(name), name);
  assert.ok([...packages].filter((name) => unwanted.test(name)).length > 5, [...packages].join(" "));
});
