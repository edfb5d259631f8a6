import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Sandbox, type Child } from "./cpc.ts";
import { connectionKey } from "../../plant/modbus-plant.ts";

const shipped = (file: string): string =>
  fileURLToPath(new URL(`../../../packages/partition/config/${file}`, import.meta.url));
const opcuaFile = shipped("opcua-endpoints.xml");
const modbusFile = shipped("modbustcp-endpoints_ecotec.xml");

test(
  "both services publish the shipped configuration from a simulated plant, until SIGTERM closes every connection",
  { timeout: 200_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const directory = join(sandbox.folder, "plant");
    // Without files it plays the shipped ones.
    const plant = sandbox.cpc(["simulate", "--directory", directory]);
    await plant.until("the plant answers", () => plant.stdout.includes("trust "));
    const opcuaUrl = /OPC UA +(\S+)/.exec(plant.stdout)?.[1] ?? "";
    const opcua = readFileSync(opcuaFile, "utf8").replace(/opc\.tcp:[^<]*/, opcuaUrl);
    const ports = new Map(
      Array.from(plant.stdout.matchAll(/Modbus TCP +127\.0\.0\.1:(\d+) +(.*)/g), ([, port, alias]) => [alias, port]),
    );
    const modbus = readFileSync(modbusFile, "utf8").replaceAll(
      /<ipaddr>[^<]*<\/ipaddr>\s*<port>\d+<\/port>\s*<serveralias>([^<]*)/g,
      (_, alias: string) => `<ipaddr>127.0.0.1</ipaddr><port>${ports.get(alias)}</port><serveralias>${alias}`,
    );
    const run = sandbox.run(
      "--opcua",
      sandbox.write("opcua.xml", opcua),
      "--modbus",
      sandbox.write("modbus.xml", modbus),
      "--certificates",
      join(directory, "certificates"),
      "--unreadable",
      "text",
    );
    const connections = { modbus_shm: connectionKey("Ecotec"), opcua_shm: "OPC UA Connections:Abfüllanlage" };
    for (const [segment, key] of Object.entries(connections)) {
      await run.until(`${key} is connected`, () => sandbox.value(key, segment) === true);
      const first = JSON.stringify(sandbox.document(segment));
      await run.until(`${segment} has moving values`, () => {
        const document = sandbox.document(segment);
        // Until a server has told its names its values are withheld.
        const isWhole = Object.values(document ?? {}).every(({ statusCode }) => statusCode === undefined);
        return isWhole && Object.keys(document ?? {}).length > 10 && JSON.stringify(document) !== first;
      });
    }
    const browseNames = Object.keys(sandbox.document("opcua_shm")!).slice(1);
    assert.ok(browseNames.every((key) => /^\d+:\S/.test(key)));

    const { code } = await run.end();
    assert.equal(code, 0);
    for (const [segment, key] of Object.entries(connections)) {
      const entries = Object.entries(sandbox.document(segment)!);
      assert.ok(entries.some(([name]) => name === key));
      for (const [name, { value }] of entries) assert.deepEqual([/Connections:/.test(name), value], [true, false]);
    }
    assert.deepEqual(sandbox.ownObjects(), [
      "modbus_documents",
      "modbus_image",
      "modbus_journal",
      "modbus_shm",
      "opcua_documents",
      "opcua_image",
      "opcua_journal",
      "opcua_shm",
      "sem.modbus_semaphore",
      "sem.opcua_semaphore",
    ]);
    const simulated = await plant.end();
    assert.equal(simulated.code, 0);
    assert.match(simulated.stderr, /^\S+: "Quittierung" is skipped because .*\n$/, "and no other line");
    assert.doesNotMatch(simulated.stdout, /warning/i, "nothing of node-opcua's");
  },
);

test(
  "demo shows values of both protocols, ends when they were there for its duration, and leaves nothing",
  { timeout: 200_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const demo = sandbox.cpc([
      "demo",
      "--duration",
      "4",
      "--prefix",
      sandbox.prefix,
      "--log-format",
      "json",
      "--interval",
      "0.2",
    ]);
    const opcua = "OPC UA Connections:Abfüllanlage";
    const modbus = connectionKey("Ecotec");
    await demo.until(
      "both are connected",
      () => sandbox.value(opcua, "opcua_shm") === true && sandbox.value(modbus) === true,
    );
    const { code, stdout } = await demo.ended;
    assert.equal(code, 0);
    const once = (pattern: RegExp): void => assert.equal(stdout.match(new RegExp(pattern, "gm"))?.length, 1, stdout);
    once(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    for (const server of ["Abfüllanlage", "Ecotec", "Energiezähler"])
      once(new RegExp(`^${server} +connected +\\d+ +[\\d.]+ ms`));
    once(/^Ecotec +Netzdruck +[\d.]+ +bar +Good/);
    assert.ok(
      Math.max(...stdout.split("\n").map((line) => line.length)) <= 160,
      "no line is longer than a table is wide",
    );
    assert.deepEqual(sandbox.ownObjects(), []);
  },
);

test("Ctrl+C while the demo starts ends it without an error, and leaves nothing", { timeout: 200_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  // A process group of its own, as a shell makes one for each command.
  const own = ["demo", "--prefix", sandbox.prefix, "--log-format", "json"];
  const demo = sandbox.cpc(own, { TMPDIR: sandbox.folder }, { wrapper: ["setsid"] });
  const { processId } = demo;
  const children = (): string => readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8");
  await demo.until("the plant has a process", () => children() !== "");
  process.kill(-processId, "SIGINT");
  const { code, stderr } = await demo.ended;
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /Error/);
  assert.deepEqual(sandbox.objects(), []);
  assert.deepEqual(
    readdirSync(sandbox.folder).filter((name) => name.startsWith("cpc-demo-")),
    [],
  );
});

test(
  "demo has a monitor, shows a second demo nothing of itself, and tidies up when its terminal is closed",
  { timeout: 200_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const start = (): Child =>
      sandbox.cpc(["demo", "--prefix", sandbox.prefix, "--log-format", "json"], { TMPDIR: sandbox.folder });
    const demo = start();
    await demo.until("there is a document", () => sandbox.document("opcua_shm") !== undefined);
    const announced = /^(http:\/\/127\.0\.0\.1:\d+\/)$/m;
    await demo.until("the monitor listens", () => announced.test(demo.stdout));
    const [, address = ""] = announced.exec(demo.stdout) ?? [];
    assert.match(await (await fetch(address)).text(), /<title>cpc monitor<\/title>/);

    const second = await start().ended;
    assert.deepEqual([second.code, second.stdout], [3, ""]);
    const object = `${sandbox.prefix}opcua_image`;
    const message = `cannot write to shared memory ${object} because another process does; stop it, or start this one with --prefix NAME`;
    assert.deepEqual(second.stderr.trim().split("\n"), [message]);

    assert.equal((await demo.end("SIGHUP")).code, 0);
    await assert.rejects(fetch(address), "the monitor is gone");
    assert.deepEqual(sandbox.objects(), []);
    assert.deepEqual(
      readdirSync(sandbox.folder).filter((name) => name.startsWith("cpc-demo-")),
      [],
    );
  },
);
