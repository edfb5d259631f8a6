// Every command, fed with text that steers a terminal or hides from the eye: in names, values, units, descriptions, the names of files and
// objects, certificates, and options.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { NamedSemaphore } from "../../../packages/image/src/posix/named-semaphore.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { createProgram } from "../../../packages/partition/src/commands/program.ts";
import { imageOf, pointOf } from "../../image/sample-image.ts";
import { certificate } from "../../plant/certificates.ts";
import { Sandbox } from "./cpc.ts";
import { modbusXml } from "../../plant/modbus-plant.ts";

/** In the order in which tables cut it. */
const inXml = "\u009b1m\u200b\u202e\u2028\u007f";
const hostile = `${inXml}\u001b]0;\u0007\ud800`;
const harmful = /[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u;

type Command = Awaited<ReturnType<typeof createProgram>>;

/** Of a command and those below it, as they are written. */
function linesOf(command: Command, before: readonly string[] = []): readonly (readonly string[])[] {
  return command.commands.flatMap((own) => {
    const line = [...before, own.name()];
    return own.commands.length === 0 ? [line] : linesOf(own, line);
  });
}

async function hostileFiles(sandbox: Sandbox) {
  const xml = modbusXml({ alias: "A\u200b", port: 1, names: [`n\u200b`] }).replace("n\u200b von", `${inXml} von`);
  const good = sandbox.write(`good ${inXml}.xml`, xml);
  const bad = sandbox.write(`bad ${inXml}.xml`, xml.replace("<port>1<", `<port>${inXml}<`));
  const certificates = join(sandbox.folder, `certificates ${inXml}`);
  const { der } = await certificate({ name: `server ${inXml}`, keyName: "server" });
  for (const folder of ["own", "trusted", "issuers", "rejected"])
    mkdirSync(join(certificates, folder, "certs"), { recursive: true });
  const file = join(certificates, "rejected", "certs", `shown ${inXml}.der`);
  writeFileSync(file, der);
  return { good, bad, certificates, certificate: file };
}

/** An image, a document and their semaphore, as a partition that was killed would have left them. */
function leaveObjects(sandbox: Sandbox): void {
  const points = ["a", "b"].map((name) =>
    pointOf(`${name}${hostile}`, { unit: hostile, source: hostile, description: hostile, capacityBytes: 100 }),
  );
  const server = {
    alias: hostile,
    connection: { key: hostile, description: hostile },
    groups: [{ name: hostile, intervalMs: 1000, points }],
  };
  const { memory, writer } = imageOf(server);
  const [block] = writer.blocks;
  const [group] = block?.groups ?? [];
  assert.ok(block !== undefined && group !== undefined);
  group.begin();
  group.setValue(0, { type: BuiltInType.String, value: hostile }, StatusCode.Good);
  block.show({ connection: ConnectionState.lost, error: hostile });
  group.publish(ConnectionState.lost, 1);
  writeFileSync(sandbox.path("modbus_image"), new Uint8Array(memory.buffer));
  writeFileSync(sandbox.path("modbus_shm"), JSON.stringify({ [hostile]: { value: hostile } }));
  NamedSemaphore.createExclusive(`${sandbox.prefix}modbus_semaphore`, 0o600)?.[Symbol.dispose]();
  writeFileSync(sandbox.path("opcua_shm_\u009b1m\u200b"), "");
}

test("no command lets text of others steer the terminal, and JSON stays JSON", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  leaveObjects(sandbox);
  const { good, bad, certificates, certificate: file } = await hostileFiles(sandbox);
  const own = ["--prefix", sandbox.prefix];
  const kept = ["--certificates", certificates];
  const cases = [
    ["run", ...own, "--modbus", bad],
    ["run", ...own, "--modbus", join(sandbox.folder, `none ${inXml}`)],
    ["check", good],
    ["check", bad],
    ["dump", "modbus", ...own],
    ["dump", "modbus", ...own, "--image"],
    ["dump", "modbus", ...own, "--image", "--json"],
    ["status", ...own],
    ["status", ...own, "--json"],
    ["watch", "--prefix", inXml],
    ["journal", "modbus", "--prefix", inXml],
    ["documents", "--prefix", inXml],
    ["probe", inXml],
    ["browse", `http://${inXml}`],
    ["verify", bad],
    ["import", bad],
    ["export", "modbus", "--prefix", inXml],
    ["monitor", "--listen", inXml],
    ["monitor", "user", "add", inXml, "--users", join(sandbox.folder, inXml)],
    ["monitor", "user", "remove", inXml, "--users", join(sandbox.folder, inXml)],
    ["bridge", inXml],
    ["bridge", "sparkplug", inXml, "--group", "g", "--edge-node", "n"],
    ["bridge", "mqtt", inXml],
    ["bridge", "jetstream", inXml],
    ["demo", "--prefix", inXml],
    ["simulate", "--modbus", good, "--directory", join(good, "none")],
    ["cert", "list", ...kept],
    ["cert", "show", file],
    ["cert", "show", `${file} none`],
    ["cert", "trust", `none ${inXml}`, ...kept],
    ["cert", "trust", file, ...kept],
    ["cert", "reject", file, ...kept],
    ["cert", "fetch", `http://${inXml}`, ...kept],
    ["cert", "create", `urn:${inXml}`, ...kept],
    ["completion", inXml],
    ["manual", inXml],
    ["clean", ...own],
  ];
  const commands = linesOf(await createProgram("0", () => {}));
  const given = cases.length;
  for (const command of commands) {
    const line = cases.find((one) => command.every((word, index) => one[index] === word));
    assert.ok(line, `${command.join(" ")} has no case here`);
    cases.push(line.concat(`--${inXml}`));
  }

  const outputs: string[] = [];
  for (const [index, line] of cases.entries()) {
    const { stdout, stderr } = await sandbox.ran(...line);
    outputs.push(stdout);
    const shown = JSON.stringify([line, stdout, stderr]);
    assert.doesNotMatch(stdout + stderr, harmful, shown);
    assert.match(stdout + stderr, /\\u00[0-9a-f]{2}|\\u20[02]/, `the text did not get there: ${shown}`);
    const isDocument = line[0] === "dump" && !line.includes("--image");
    if (index < given && (isDocument || line.includes("--json"))) JSON.parse(stdout);
  }
  const document = JSON.parse(outputs[cases.findIndex(([name]) => name === "dump")] ?? "") as object;
  assert.deepEqual(document, { [hostile]: { value: hostile } });
});

test("the live table is safe, too", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  leaveObjects(sandbox);
  const main = join(import.meta.dirname, "../../../packages/partition/src/main.ts");
  const command = `stty cols 200 rows 24; exec '${process.execPath}' '${main}' watch --prefix ${sandbox.prefix}`;
  const child = spawn("script", ["-qfec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let screen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text;
    if (/s sort/.test(screen)) child.stdin.end("q");
  });
  await once(child, "close");
  assert.match(screen, /a\\u009b1m\\u200b/);
  // What the table itself sends: moving, erasing, wrapping, the cursor, and ends of lines.
  const own = new RegExp(String.raw`${"\u001b"}\[(?:\?\d+[hl]|\d*[A-GJKm])|\r?\n|\r`, "g");
  assert.doesNotMatch(screen.replaceAll(own, ""), harmful, JSON.stringify(screen));
});
