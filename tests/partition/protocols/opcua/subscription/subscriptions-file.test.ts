import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SubscriptionsFile } from "../../../../../packages/partition/src/protocols/opcua/subscription/subscriptions-file.ts";
import { temporaryFolder } from "../../../../plant/opcua-server.ts";
import { oddFiles, placeOdd } from "../../../../odd-files.ts";
import { recordingLog } from "../../../sources/test-source.ts";

const remembered = {
  id: 1,
  publishingMs: 1000,
  keepAliveCount: 1,
  fingerprint: "0".repeat(64),
  firstHandle: 4_000_000_000,
  items: 100,
  serverStartMs: 1_700_000_000_000,
  nextNumber: 4_000_000_000,
};

function ownerOf(change: number): string {
  return JSON.stringify([`server ${change}`, "opc.tcp://127.0.0.1:4840", 1000]);
}

test("the latest subscriptions are remembered, however often the configuration changes", async (t) => {
  const folder = await temporaryFolder();
  t.after(() => folder.remove());
  const file = join(folder.path, "opcua_subscriptions.json");
  const { lines, log } = recordingLog();
  const before = new SubscriptionsFile(file, log);
  before.set("stays", remembered);
  for (let change = 0; change < 20_000; change++) {
    before.set(ownerOf(change), remembered);
    if (change % 1000 === 0) before.set("stays", { ...remembered, id: change });
  }
  await before.written();
  const after = new SubscriptionsFile(file, log);
  assert.deepEqual(lines, []);
  assert.deepEqual(after.get("stays"), { ...remembered, id: 19_000 });
  assert.deepEqual(after.get(ownerOf(19_999)), remembered);
});

for (const kind of oddFiles)
  test(`a ${kind} in place of the file is told and not waited for, and gives way where it can`, async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const file = join(folder.path, "opcua_subscriptions.json");
    await placeOdd(t, kind, file);
    const { lines, log } = recordingLog();
    const subscriptions = new SubscriptionsFile(file, log);
    assert.match(
      lines[0]!.message,
      /: it is (?:not a regular file|a directory|a socket or a device that is not there); the/,
    );
    subscriptions.set("A", remembered);
    await subscriptions.written();
    assert.equal(statSync(file).isFile(), kind !== "directory");
    assert.equal(lines.length, kind === "directory" ? 2 : 1);
  });
