import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PositionsFile } from "../../../packages/bridge/src/delivery/positions-file.ts";

const place = (n: bigint) => ({ run: 2n ** 60n, position: n, sequence: n });
const silent = (): void => {};

test("what was written is there again, however the process ended, and nonsense is as if there were nothing", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-bridge-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // Not closed: as after kill -9.
  const first = new PositionsFile(folder, silent);
  first.markDone("opcua", place(2n ** 53n + 1n));
  first.markSending("opcua", place(2n ** 54n));
  first.markHistory(7);
  const again = new PositionsFile(folder, silent);
  assert.deepEqual([again.done("opcua"), again.sending("opcua")], [place(2n ** 53n + 1n), place(2n ** 54n)]);
  assert.deepEqual([again.done("modbus"), again.historyEnd], [undefined, 7]);
  again.markDone("opcua", place(1n));
  assert.deepEqual(again.sending("opcua"), place(2n ** 54n), "what was sent beyond it is unproven still");
  again.markSending("opcua", place(2n));
  assert.deepEqual(again.sending("opcua"), place(2n ** 54n));
  again.markDone("opcua", place(2n ** 54n));
  assert.equal(again.sending("opcua"), undefined);
  const beginning = { run: 0n, position: 0n, sequence: -1n };
  again.markDone("modbus", beginning);
  assert.deepEqual(new PositionsFile(folder, silent).done("modbus"), beginning);
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(join(folder, "positions.json"), "utf8")) as object), [
    "services",
    "historyEnd",
  ]);
  writeFileSync(join(folder, "positions.json"), '{"services":{"opcua":{"done":{"run":"x"}}}');
  assert.equal(new PositionsFile(folder, silent).done("opcua"), undefined);
  assert.throws(() => new PositionsFile(join(folder, "none"), silent), { code: "ENOENT" });
});
