import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { NamedSemaphore } from "../../../packages/image/src/posix/named-semaphore.ts";
import { opcUaXml } from "../../plant/configuration-xml.ts";
import { until } from "../../until.ts";
import { Sandbox } from "./cpc.ts";
import { connectionKey, device, modbusXml } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 200_000 };

test(
  "clean refuses while a partition runs, and removes what a killed one left, locked by a consumer or not, but nothing else",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
    const run = sandbox.run("--modbus", file, "--consumers", "psmo");
    await run.until("there are values", () => sandbox.value("A: always 42", "modbus_shm_psmo") === 42);
    const objects = sandbox.ownObjects();
    const refused = await sandbox.cpc(["clean", "--prefix", sandbox.prefix]).ended;
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /kept .*modbus_shm_psmo: a partition is running/);
    assert.deepEqual(sandbox.ownObjects(), objects);
    const seen = sandbox.value("A: zählt", "modbus_shm_psmo");
    await run.until("values move", () => ![seen, undefined].includes(sandbox.value("A: zählt", "modbus_shm_psmo")));

    await run.end("SIGKILL");
    using segment = SharedMemoryObject.openExisting(`${sandbox.prefix}modbus_shm_psmo`, "read-write");
    assert.equal(segment?.tryLock(), true);
    for (const name of ["others_shm", "modbus_shmoo", "sem.x"]) writeFileSync(sandbox.path(name), "");
    writeFileSync(sandbox.path("modbus_image.next"), "left in the middle of a new generation");
    for (const kept of ["opcua_journal.before", "opcua_image.before", "opcua_image.earlier"])
      writeFileSync(sandbox.path(kept), "of earlier runs");
    const cleaned = await sandbox.command("clean");
    assert.equal(cleaned.code, 0, cleaned.stderr);
    assert.match(cleaned.stdout, /removed shared memory .*modbus_shm_psmo\n/);
    assert.match(cleaned.stdout, /removed semaphore .*modbus_semaphore_psmo\n/);
    assert.deepEqual(sandbox.ownObjects(), ["modbus_shmoo", "others_shm", "sem.x"]);
    assert.match((await sandbox.command("clean")).stdout, /^there is nothing to remove/, "twice does no harm");
  },
);

test(
  "clean keeps what a documents process that starts will take over, and removes what is of none",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
    const before = sandbox.run("--modbus", file, "--consumers", "psmo,gone");
    await before.until("there are values", () => sandbox.value("A: always 42", "modbus_shm_psmo") === 42);
    await before.end("SIGKILL");
    await until("its documents have ended", async () => {
      const { stdout } = await sandbox.command("status", "--json");
      return !stdout.includes('"documentsAlive": true');
    });

    const run = sandbox.run("--no-documents", "--modbus", file);
    await run.until("it is read", async () => (await sandbox.command("status", "--require-connected")).code === 0);
    const segments = (): readonly string[] => sandbox.ownObjects().filter((name) => name.startsWith("modbus_shm"));
    await sandbox.command("clean");
    assert.deepEqual(segments(), ["modbus_shm_gone", "modbus_shm_psmo"]);

    const documents = sandbox.cpc(["documents", "--prefix", sandbox.prefix, "--consumers", "psmo"]);
    await documents.until("there are values", () => sandbox.value("A: always 42", "modbus_shm_psmo") === 42);
    const { stderr, stdout } = await sandbox.command("clean");
    assert.match(stderr, /kept shared memory .*modbus_shm_psmo: a partition is running/);
    assert.match(stdout, /removed shared memory .*modbus_shm_gone/);
    assert.deepEqual(segments(), ["modbus_shm_psmo"]);
  },
);

test(
  "dump prints the document of a consumer, whether the partition runs or not, and gives its guard back",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const run = sandbox.run(
      "--modbus",
      sandbox.write("modbus.xml", modbusXml({ alias: "A", port })),
      "--consumers",
      "psmo",
    );
    await run.until("there are values", () => sandbox.value("A: always 42", "modbus_shm_psmo") === 42);
    const live = await sandbox.cpc(["dump", "modbus", "--consumer", "psmo", "--prefix", sandbox.prefix]).ended;
    assert.deepEqual([live.code, live.stderr], [0, ""]);
    assert.equal((JSON.parse(live.stdout) as Record<string, { value: unknown }>)["A: always 42"]?.value, 42);
    await run.end();
    using semaphore = NamedSemaphore.openExisting(`${sandbox.prefix}modbus_semaphore_psmo`);
    const last = await sandbox.command("dump", "modbus", "--consumer", "psmo");
    assert.equal(semaphore?.tryWait(), true, "the guard was given back, once");
    assert.equal(semaphore.tryWait(), false);
    const guarded = await sandbox.command("dump", "modbus", "--consumer", "psmo");
    assert.equal(guarded.code, 1);
    assert.match(guarded.stderr, /cannot take .*modbus_semaphore_psmo because somebody held it/);
    assert.deepEqual(Object.keys(JSON.parse(last.stdout) as object), [connectionKey("A")]);
    assert.match(last.stderr, /^no partition writes to .*modbus_shm_psmo: this is what was left\n$/);
    const image = await sandbox.command("dump", "modbus", "--image", "--json");
    assert.match(image.stderr, /^no partition writes to .*modbus_image: these are the last values it had\n$/);
    assert.equal((JSON.parse(image.stdout) as { hasWriter: unknown }).hasWriter, false);
    const status = await sandbox.command("status");
    assert.equal(status.code, 1);
    assert.match(status.stdout, /NOT RUNNING[^]*\nA +unknown /);
    for (const line of status.stdout.split("\n").slice(1)) assert.ok(line.length <= 80, line);

    for (const args of [
      ["dump", "modbus"],
      ["dump", "opcua", "--consumer", "psmo"],
    ]) {
      const { code, stdout, stderr } = await sandbox.command(...args);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /cannot read .*_shm.* because there is none/);
    }
  },
);

test("check prints servers, points, requests and sizes, and warnings apart", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const written = modbusXml({ alias: "Ecotec", port: 1502 }).replace(
    "</endpoints>",
    "<endpoint><name>schreibt</name><function>Write Single Coil</function><address>0</address><quantity>1</quantity><offset>-1</offset><type>coil</type><description>x</description></endpoint></endpoints>",
  );
  const file = sandbox.write("modbus.xml", written);
  const { code, stdout, stderr } = await sandbox.ran("check", file);
  assert.equal(code, 0);
  assert.match(stdout, /^.*modbus\.xml is valid\n/);
  assert.match(stdout, /Ecotec .*127\.0\.0\.1:1502 .* 2 .* 2 /, "two points in two requests, as no gap is read");
  assert.match(stdout, /document up to about \d+ bytes, shared memory 12288 bytes\n$/);
  assert.match(stderr, /^\S+modbus\.xml:\d+: .*schreibt.*/);
  assert.deepEqual(sandbox.ownObjects(), []);
});

test("check alone tells what may be meant: keys that a quantity makes, numbers of a manual", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const written = modbusXml({ alias: "A", port }).replace(
    "</endpoints>",
    "<endpoint><name>Stufen</name><function>Read Holding Registers</function><address>40101</address><quantity>8</quantity><offset>-1</offset><type/><description/></endpoint></endpoints>",
  );
  const file = sandbox.write("modbus.xml", written);
  const { code, stderr } = await sandbox.ran("check", file);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^\S+modbus\.xml:\d+: quantity 8 makes 8 keys: "A: Stufen" and "A: Stufen\[1\]" to "A: Stufen\[7\]"$/m,
  );
  assert.match(stderr, /^\S+modbus\.xml:\d+: address 40101 of "Stufen" .*manuals that say 40101 mean address 100/m);
  const run = sandbox.run("--modbus", file);
  await run.until("there are values", () => sandbox.value("A: always 42") === 42);
  await run.end();
  assert.doesNotMatch(run.stderr, /quantity 8|40101 mean/);
});

function endpoint(name: string, address: number, offset: number): string {
  return `<endpoint><name>${name}</name><function>Read Holding Registers</function><address>${address}</address><quantity>1</quantity><offset>${offset}</offset><type></type><description></description></endpoint>`;
}

function node(displayName: string, id: number): string {
  return `<node><DisplayName>${displayName}</DisplayName><NamespaceIndex>1</NamespaceIndex><IdentifierType>Numeric</IdentifierType><Identifier>${id}</Identifier><datatype></datatype><description></description></node>`;
}

test("check names every key that several points ask for, and who has it", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const more = [endpoint("Tank", 100, 4), endpoint("Tank", 200, -1), endpoint("Alone", 1, -1)].join("");
  const modbus = sandbox.write(
    "modbus.xml",
    modbusXml({ alias: "A", port: 502 }).replace("</endpoints>", `${more}</endpoints>`),
  );
  const nodes = node("a", 7) + node("learned", 8);
  const url = "opc.tcp://192.0.2.1:4840";
  const opcua = sandbox.write("opcua.xml", opcUaXml({ alias: "S", url }).replace("</nodes>", `${nodes}</nodes>`));
  const names = [[JSON.stringify(["S", url, 1, "Numeric", 8, "learned"]), "1:a", "1:a"]];
  sandbox.write("opcua_names.json", JSON.stringify({ format: "cpc-partition names, version 1", names }));

  const { code, stdout, stderr } = await sandbox.ran("check", modbus, opcua);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    stdout
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => line.replace(/line \d+/, "line N")),
    [
      '  "1:a" line N, S ns=1;s=a: is "1:a (S ns=1;s=a)"',
      '  "1:a" line N, S ns=1;i=7: is "1:a (S ns=1;i=7)"',
      '  "1:a" line N, S ns=1;i=8: has it',
      '  "A: Tank" line N, unit 1, holding register 100, bit 4: is "A: Tank (unit 1, holding register 100, bit 4)"',
      '  "A: Tank" line N, unit 1, holding register 200: has it',
    ],
  );
  assert.match(
    stdout,
    /^the keys of 2 nodes are made from the <DisplayName> until the first connection: .*opcua_names\.json remembers them$/m,
  );
  assert.match(
    stderr,
    /1 value of "A" cannot have .*"A: Tank" is unit 1, holding register 200 .*holding register 100, bit 4 is/,
  );
});

test("check tells the problems of every file, and which files are valid", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const good = sandbox.write("good.xml", modbusXml({ alias: "A", port: 502 }));
  const files = ["a.xml", "b.xml"].map((name) => sandbox.write(name, modbusXml({ alias: name, port: 70_000 })));
  const { code, stdout, stderr } = await sandbox.ran("check", files[0]!, good, files[1]!);
  assert.equal(code, 2);
  for (const file of files) assert.match(stderr, new RegExp(`^${file}:\\d+: `, "m"));
  assert.match(stdout, /good\.xml is valid/);
});

test("the simplest mistakes are told in a sentence, not with a stack", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port: 502 }));
  writeFileSync(sandbox.path("modbus_shm"), "");
  const { code, stderr } = await sandbox.run("--modbus", file, "--segment-size", "1073741824000").ended;
  assert.equal(code, 2);
  assert.match(stderr, /whole number of bytes from 1024/);
});
