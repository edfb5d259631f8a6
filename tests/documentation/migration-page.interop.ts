// docs/migration.md as its reader uses it: the certificates of the old partition, and a shared IPC namespace.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createProgram } from "../../packages/partition/src/commands/program.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { opcUaXml } from "../plant/configuration-xml.ts";
import { certificateIn } from "../plant/opcua-server.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/migration.md"), "utf8");

function snippet(language: string, containing: string): string {
  const snippets = page.split(`\`\`\`${language}\n`).map((rest) => rest.split("```")[0] ?? "");
  const found = snippets.slice(1).find((text) => text.includes(containing));
  return found ?? assert.fail(`no snippet with ${containing}`);
}

test("the certificates step brings keys along that check then accepts", { timeout: 60_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  const old = join(sandbox.folder, "old");
  mkdirSync(old);
  const { certificateFile, privateKeyFile } = await certificateIn(old, "client");
  chmodSync(privateKeyFile, 0o644);
  const security =
    "<client_certificate>client.der</client_certificate><client_private_key>client.pem</client_private_key>";
  const file = sandbox.write("opcua.xml", opcUaXml({ alias: "A", url: "opc.tcp://127.0.0.1:1", security }));
  const check = (certificates: string) => sandbox.cpc(["check", file, "--certificates", certificates]).ended;

  const asItWas = join(sandbox.folder, "as-it-was");
  cpSync(old, asItWas, { recursive: true, preserveTimestamps: true });
  assert.equal((await check(asItWas)).code, 2, "others can read the key");

  const commands = snippet("sh", "chmod 0600")
    .replaceAll("/var/lib/cpc", join(sandbox.folder, "cpc"))
    .replaceAll("/opt/partition/certificates", old)
    .replaceAll("cpc:cpc", `${process.getuid?.()}:${process.getgid?.()}`);
  const { status, stderr } = spawnSync("sh", ["-eu", "-c", commands], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const certificates = join(sandbox.folder, "cpc/certificates");
  assert.deepEqual(readFileSync(join(certificates, "client.der")), readFileSync(certificateFile));
  assert.equal(statSync(join(certificates, "client.pem")).mode & 0o777, 0o600);
  const checked = await check(certificates);
  assert.equal(checked.code, 0, checked.stderr);
});

test("the compose file uses options, folders and a user that the image has", async () => {
  const compose = snippet("yaml", "services:");
  const { commands } = await createProgram("0", () => {});
  const known = new Set(commands.flatMap(({ options }) => options.map(({ envVar }) => envVar)));
  const variables = [...compose.matchAll(/\b(CPC_\w+):/g)].map(([, name]) => name);
  assert.ok(variables.length > 2);
  for (const name of variables) assert.ok(known.has(name), name);

  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const folders = [...compose.matchAll(/:(\/var\/lib\/cpc\/\w+)$/gm)].map(([, folder]) => folder ?? "");
  assert.deepEqual(folders, ["/var/lib/cpc/certificates", "/var/lib/cpc/state"]);
  for (const folder of folders) assert.ok(dockerfile.includes(`=${folder}`), folder);
});

test("the container that owns the namespace does nothing until it is stopped", { timeout: 60_000 }, async () => {
  const [, words = "[]"] = /entrypoint: (\[.*\])/.exec(snippet("yaml", "services:")) ?? [];
  const [command, ...args] = JSON.parse(words) as string[];
  assert.equal(command, "node");
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  // Whatever ended by itself would have ended before a whole other process.
  spawnSync(process.execPath, ["--eval", ""]);
  assert.equal(child.exitCode, null);
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [null, "SIGTERM"]);
});
