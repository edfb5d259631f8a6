import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Sandbox } from "./cpc.ts";
import { connectionKey } from "../../plant/modbus-plant.ts";

const shipped = (file: string): string =>
  fileURLToPath(new URL(`../../../packages/partition/config/${file}`, import.meta.url));
const opcuaFile = shipped("opcua-endpoints.xml");
const modbusFile = shipped("modbustcp-endpoints_ecotec.xml");

test(
  "both services publish the shipped configuration from a simulated plant, until SIGTERM closes every connection",
  { timeout: 90_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const directory = join(sandbox.folder, "plant");
    const plant = sandbox.cpc(["simulate", "--opcua", opcuaFile, "--modbus", modbusFile, "--directory", directory]);
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
    assert.equal((await plant.end()).code, 0);
  },
);

test(
  "demo shows values of both protocols, ends when they were there for its duration, and leaves nothing",
  { timeout: 90_000 },
  async (t) => {
    const sandbox = new Sandbox(t);
    const demo = sandbox.cpc([
      "demo",
      "--duration",
      "1.5",
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
    assert.deepEqual([code, stdout], [0, ""]);
    const servers = new Set(demo.logged(/^values$/).map(({ server }) => server));
    assert.deepEqual(servers, new Set(["Abfüllanlage", "Ecotec", "Energiezähler"]));
    assert.deepEqual(sandbox.ownObjects(), []);
  },
);

test("demo has a monitor, and tidies up when its terminal is closed", { timeout: 60_000 }, async (t) => {
  const sandbox = new Sandbox(t);
  const demo = sandbox.cpc(["demo", "--prefix", sandbox.prefix, "--log-format", "json"], { TMPDIR: sandbox.folder });
  await demo.until("there is a document", () => sandbox.document("opcua_shm") !== undefined);
  const announced = /the monitor shows a page at (http:\/\/127\.0\.0\.1:\d+\/)/;
  await demo.until("the monitor listens", () => announced.test(demo.stderr));
  const [, address = ""] = announced.exec(demo.stderr) ?? [];
  assert.match(await (await fetch(address)).text(), /<title>cpc monitor<\/title>/);
  const { code } = await demo.end("SIGHUP");
  assert.equal(code, 0);
  await assert.rejects(fetch(address), "the monitor is gone");
  assert.deepEqual(sandbox.objects(), []);
  assert.deepEqual(
    readdirSync(sandbox.folder).filter((name) => name.startsWith("cpc-demo-")),
    [],
  );
});
