// The commands of README.md that need more than `npm test` has: a built package on the PATH, a terminal, or a download. Each is run as it stands on the page.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { ownPrefix } from "../image/posix/own-objects.ts";
import { until } from "../until.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "README.md"), "utf8");
const watchdog = { timeout: 180_000 };

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function onPage(command: string): string {
  assert.ok(page.includes(command), `README.md does not have: ${command}`);
  return command;
}

test("the installed command prints its completion and its version", watchdog, (t) => {
  const folder = folderOf(t);
  // As npm installs it.
  const program = join(root, "packages/partition/dist/cpc.js");
  writeFileSync(join(folder, "cpc"), `#!/bin/sh\nexec node "${program}" "$@"\n`, { mode: 0o755 });
  const path = [folder, join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter);
  const env = { ...process.env, PATH: path, NODE_OPTIONS: "" };
  const run = (command: string) => {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", onPage(command)], { env, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""], command);
    return stdout;
  };
  assert.match(run("cpc completion bash"), /complete .*\bcpc$/m);
  const { version } = JSON.parse(run("cpc --version --json")) as { readonly version: string };
  assert.match(version, /^\d+\.\d+\.\d+/);
});

test("the plant of npm start is what cpc watch shows on a terminal", watchdog, async (t) => {
  const folder = folderOf(t);
  const env = { ...process.env, CPC_PREFIX: ownPrefix(t), CPC_MONITOR_LISTEN: "127.0.0.1:0", TMPDIR: folder };
  const plant = spawn("sh", ["-c", `exec ${onPage("npm ci && npm start").split(" && ")[1]}`], {
    cwd: root,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(plant, "close");
  let said = "";
  for (const stream of [plant.stdout, plant.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const endPlant = async (): Promise<void> => {
    if (plant.exitCode === null && plant.pid !== undefined) process.kill(-plant.pid, "SIGINT");
    await ended;
    const left = readdirSync(folder).filter((name) => name.startsWith("cpc-"));
    assert.deepEqual(left, [], "left behind");
  };
  try {
    const isUp = () => /^http:\/\/127/m.test(said);
    await until("the page has an address", isUp, { giveUpAfterMs: 90_000, evidence: () => said });
    const command = [onPage('cpc() { npm run -s cpc -- "$@"; }'), onPage("cpc watch")].join("; ");
    const terminal = spawn("script", ["-qfec", `stty rows 40 cols 120; ${command}`, "/dev/null"], { cwd: root, env });
    let shown = "";
    terminal.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));
    const closed = once(terminal, "close");
    await until("a value is on the screen", () => shown.includes("Verdichter 1"), {
      giveUpAfterMs: 60_000,
      isHopeless: () => terminal.exitCode !== null,
      evidence: () => shown,
    });
    terminal.stdin.write("q");
    assert.deepEqual(await closed, [0, null]);
  } finally {
    await endPlant();
  }
});

test("posix_ipc is installed into an environment of its own", watchdog, (t) => {
  const command = onPage("python3 -m venv venv && venv/bin/pip install posix_ipc");
  const cwd = folderOf(t);
  const { status, stderr } = spawnSync("sh", ["-c", `${command} && venv/bin/python -c 'import posix_ipc'`], {
    cwd,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
});
