// `npm run bench` itself, short: a command that only release days run would rot.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { CHECKOUT } from "../interop/peer.ts";

test("`npm run bench` compares ours with another client of the same server", () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["benchmarks/bench.ts", "--quick", "--only", "libmodbus", "--json"],
    { cwd: CHECKOUT, encoding: "utf8", timeout: 300_000 },
  );
  assert.equal(status, 0, stderr);
  const { contests } = JSON.parse(stdout) as {
    readonly contests: readonly { readonly rows: readonly { readonly name: string; readonly cpuMs: number }[] }[];
  };
  const rows = contests.flatMap((contest) => contest.rows);
  assert.deepEqual(
    rows.map(({ name }) => name),
    ["image", "document", "libmodbus"],
  );
  for (const { name, cpuMs } of rows) assert.ok(cpuMs > 0, name);
});
