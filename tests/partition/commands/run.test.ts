import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { datagramSocket } from "../../image/posix/datagram-socket.ts";
import { Sandbox } from "./cpc.ts";
import { connectionKey, device, freePort, modbusXml } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 60_000 };
const modbusObjects = ["modbus_documents", "modbus_image", "modbus_journal", "modbus_shm", "sem.modbus_semaphore"];

test("one service alone publishes moving values, and makes nothing of the other's", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const run = sandbox.run("--modbus", sandbox.write("modbus.xml", modbusXml({ alias: "Ecotec", port })));
  await run.until("there are values", () => sandbox.value("Ecotec: zählt") !== undefined);
  const first = sandbox.value("Ecotec: zählt");
  await run.until("they move", () => ![first, undefined].includes(sandbox.value("Ecotec: zählt")));
  assert.deepEqual(sandbox.document()?.["Ecotec: always 42"], {
    value: 42,
    varType: "UInt16",
    description: "always 42 von Ecotec",
  });
  assert.deepEqual(sandbox.ownObjects(), modbusObjects);
  const modes = ["modbus_shm", "modbus_image", "modbus_journal"].map((name) =>
    (statSync(sandbox.path(name)).mode & 0o777).toString(8),
  );
  assert.deepEqual(modes, ["660", "640", "640"]);
  const { code, stdout } = await run.end();
  assert.deepEqual([code, stdout], [0, ""]);
  assert.deepEqual(sandbox.document(), {
    [connectionKey("Ecotec")]: {
      value: false,
      varType: "Boolean",
      description: "Connection status to the Modbus server",
    },
  });
  assert.deepEqual(sandbox.ownObjects(), modbusObjects, "the objects stay");
});

test("a service manager hears when it is ready, how it is, that it lives, and that it stops", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const socket = datagramSocket(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const run = sandbox.runIn({ env: { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "200000" } }, "--modbus", file);
  const told: string[] = [];
  const isTold = (what: RegExp) => (): boolean => {
    told.push(...socket.received());
    return told.some((text) => what.test(text));
  };
  await run.until("it is ready", isTold(/^READY=1$/));
  assert.deepEqual(sandbox.ownObjects(), modbusObjects, "whoever comes after it finds what it reads");
  await run.until("it is well", isTold(/^STATUS=All servers connected \(1\), all points good \(2\)\.\nWATCHDOG=1$/));
  await run.end();
  isTold(/./)();
  assert.equal(told.at(-1), "STOPPING=1");
});

test("every consumer has a pair of its own, and with --remove-on-exit nothing stays", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const run = sandbox.run("--modbus", file, "--consumers", "psmo, interface", "--remove-on-exit");
  for (const consumer of ["psmo", "interface"])
    await run.until(`${consumer} has values`, () => sandbox.value("A: always 42", `modbus_shm_${consumer}`) === 42);
  assert.deepEqual(sandbox.ownObjects(), [
    "modbus_documents",
    "modbus_image",
    "modbus_journal",
    "modbus_shm_interface",
    "modbus_shm_psmo",
    "sem.modbus_semaphore_interface",
    "sem.modbus_semaphore_psmo",
  ]);
  assert.equal((await run.end("SIGINT")).code, 0);
  assert.deepEqual(sandbox.ownObjects(), []);
});

test("a second run with the same names exits 3 and changes nothing", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const first = sandbox.run("--modbus", file);
  await first.until("there are values", () => sandbox.value("A: always 42") === 42);
  const before = [sandbox.ownObjects(), sandbox.inode("modbus_shm"), sandbox.inode("modbus_image")];
  const second = await sandbox.run("--modbus", file, "--remove-on-exit").ended;
  assert.equal(second.code, 3);
  assert.match(second.stderr, /cannot write to shared memory .*modbus_.* because another process does/);
  assert.deepEqual([sandbox.ownObjects(), sandbox.inode("modbus_shm"), sandbox.inode("modbus_image")], before);
  const seen = sandbox.value("A: zählt");
  await first.until("the first goes on", () => ![seen, undefined].includes(sandbox.value("A: zählt")));
});

test("after kill -9 the next run takes over the same segment, which consumers have mapped", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const killed = sandbox.run("--modbus", file);
  await killed.until("there are values", () => sandbox.value("A: always 42") === 42);
  const inode = sandbox.inode("modbus_shm");
  await killed.end("SIGKILL");
  const frozen = sandbox.value("A: zählt");
  const next = sandbox.run("--modbus", file);
  await next.until("values move again", () => ![frozen, undefined].includes(sandbox.value("A: zählt")));
  assert.equal(sandbox.inode("modbus_shm"), inode);
  const kept = ["modbus_image.before", "modbus_journal.before"];
  assert.deepEqual(
    sandbox.ownObjects(),
    [...modbusObjects, ...kept].toSorted(),
    "what the killed one left is kept to be read",
  );
  assert.equal((await next.end()).code, 0);
});

test("a device that is down at the start delays no other, and is connected when it is there", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const well = await device(t);
  const port = await freePort();
  const settings = "<retryInterval>0.1</retryInterval>";
  const file = sandbox.write(
    "modbus.xml",
    modbusXml({ alias: "down", port, settings }, { alias: "well", port: well.port }),
  );
  const run = sandbox.run("--modbus", file);
  await run.until("the other has values", () => sandbox.value("well: always 42") === 42);
  assert.deepEqual(Object.keys(sandbox.document() ?? {}), [
    connectionKey("down"),
    connectionKey("well"),
    "well: zählt",
    "well: always 42",
  ]);
  await device(t, port);
  await run.until("both have", () => sandbox.value("down: always 42") === 42);
  assert.equal(sandbox.value(connectionKey("down")), true);
});

test("a device that stopped answering does not hold up the end", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const silent = await device(t);
  const settings = "<timeout>60</timeout>";
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port: silent.port, settings }));
  const run = sandbox.run("--modbus", file);
  await run.until("there are values", () => sandbox.value("A: always 42") === 42);
  silent.behaviour = () => undefined;
  const { code } = await run.end();
  assert.equal(code, 0);
  assert.equal(sandbox.value(connectionKey("A")), false);
});
