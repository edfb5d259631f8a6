// Secrets from files that are none: whatever stands behind the name, the partition starts, refuses or stops.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { opcUaXml } from "../../plant/configuration-xml.ts";
import { freePort } from "../../plant/free-port.ts";
import { Sandbox } from "./cpc.ts";

const watchdog = { timeout: 200_000 };

async function configurationOf(sandbox: Sandbox, password: string): Promise<string> {
  const user = { name: "operator", password };
  return sandbox.write(
    "opcua.xml",
    opcUaXml({ alias: "S", url: `opc.tcp://127.0.0.1:${await freePort()}`, policy: "None", user }),
  );
}

function pipeIn(sandbox: Sandbox): string {
  const pipe = join(sandbox.folder, "secret");
  execFileSync("mkfifo", [pipe]);
  return pipe;
}

/** Resolves when somebody reads the pipe; then it stays open and empty. */
async function keptOpen(pipe: string, t: TestContext): Promise<void> {
  const handle = await open(pipe, "w");
  t.after(() => handle.close());
}

test("check refuses a secret without an end in a sentence", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { code, stderr } = await sandbox.cpc(["check", await configurationOf(sandbox, "${file:/dev/zero}")]).ended;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /opcua\.xml:\d+: <password> refers to the file "\/dev\/zero", which cannot be used because it is not a regular file; write/,
  );
});

test(
  "a secret from a pipe is taken at the start and at each reload, and SIGTERM ends the wait for it",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const pipe = pipeIn(sandbox);
    const file = await configurationOf(sandbox, `\${file:${pipe}}`);
    const written = writeFile(pipe, "secret\n");
    const run = sandbox.run("--remove-on-exit", "--opcua", file);
    await run.until("it runs", () => run.logged(/^started$/).length > 0);
    await written;
    const again = writeFile(pipe, "another");
    run.signal("SIGHUP");
    const applied = () => run.logged(/^configuration applied|rejected/).length;
    await run.until("it is applied", () => applied() > 0);
    await again;
    run.signal("SIGHUP");
    await keptOpen(pipe, t);
    assert.equal((await run.end()).code, 0);
    assert.equal(applied(), 1);
    assert.deepEqual(sandbox.objects(), []);
  },
);

test("SIGTERM ends the start while a secret is waited for", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const pipe = pipeIn(sandbox);
  const run = sandbox.run("--opcua", await configurationOf(sandbox, `\${file:${pipe}}`));
  await keptOpen(pipe, t);
  const { code, stderr } = await run.end();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(sandbox.objects(), []);
});
