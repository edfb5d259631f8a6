import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { Place } from "./cpc.ts";
import { connectionKey, device, freePort, modbusXml } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 60_000 };
const modbusObjects = ["modbus_documents", "modbus_image", "modbus_journal", "modbus_shm", "sem.modbus_semaphore"];

test("one service alone publishes moving values, and makes nothing of the other's", watchdog, async (t) => {
  const place = new Place(t);
  const { port } = await device(t);
  const run = place.run("--modbus", place.write("modbus.xml", modbusXml({ alias: "Ecotec", port })));
  await run.until("there are values", () => place.value("Ecotec: zählt") !== undefined);
  const first = place.value("Ecotec: zählt");
  await run.until("they move", () => ![first, undefined].includes(place.value("Ecotec: zählt")));
  assert.deepEqual(place.document()?.["Ecotec: always 42"], {
    value: 42,
    varType: "UInt16",
    description: "always 42 von Ecotec",
  });
  assert.deepEqual(place.ownObjects(), modbusObjects);
  const modes = ["modbus_shm", "modbus_image", "modbus_journal"].map((name) =>
    (statSync(place.path(name)).mode & 0o777).toString(8),
  );
  assert.deepEqual(modes, ["660", "640", "640"]);
  const { code, stdout } = await run.end();
  assert.deepEqual([code, stdout], [0, ""]);
  assert.deepEqual(place.document(), {
    [connectionKey("Ecotec")]: {
      value: false,
      varType: "Boolean",
      description: "Connection status to the Modbus server",
    },
  });
  assert.deepEqual(place.ownObjects(), modbusObjects, "the objects stay");
});

test("every consumer has a pair of its own, and with --remove-on-exit nothing stays", watchdog, async (t) => {
  const place = new Place(t);
  const { port } = await device(t);
  const file = place.write("modbus.xml", modbusXml({ alias: "A", port }));
  const run = place.run("--modbus", file, "--consumers", "psmo, interface", "--remove-on-exit");
  for (const consumer of ["psmo", "interface"])
    await run.until(`${consumer} has values`, () => place.value("A: always 42", `modbus_shm_${consumer}`) === 42);
  assert.deepEqual(place.ownObjects(), [
    "modbus_documents",
    "modbus_image",
    "modbus_journal",
    "modbus_shm_interface",
    "modbus_shm_psmo",
    "sem.modbus_semaphore_interface",
    "sem.modbus_semaphore_psmo",
  ]);
  assert.equal((await run.end("SIGINT")).code, 0);
  assert.deepEqual(place.ownObjects(), []);
});

test("a second run with the same names exits 3 and changes nothing", watchdog, async (t) => {
  const place = new Place(t);
  const { port } = await device(t);
  const file = place.write("modbus.xml", modbusXml({ alias: "A", port }));
  const first = place.run("--modbus", file);
  await first.until("there are values", () => place.value("A: always 42") === 42);
  const before = [place.ownObjects(), place.inode("modbus_shm"), place.inode("modbus_image")];
  const second = await place.run("--modbus", file, "--remove-on-exit").ended;
  assert.equal(second.code, 3);
  assert.match(second.stderr, /cannot write to shared memory .*modbus_.* because another process does/);
  assert.deepEqual([place.ownObjects(), place.inode("modbus_shm"), place.inode("modbus_image")], before);
  const seen = place.value("A: zählt");
  await first.until("the first goes on", () => ![seen, undefined].includes(place.value("A: zählt")));
});

test("after kill -9 the next run takes over the same segment, which consumers have mapped", watchdog, async (t) => {
  const place = new Place(t);
  const { port } = await device(t);
  const file = place.write("modbus.xml", modbusXml({ alias: "A", port }));
  const killed = place.run("--modbus", file);
  await killed.until("there are values", () => place.value("A: always 42") === 42);
  const inode = place.inode("modbus_shm");
  await killed.end("SIGKILL");
  const frozen = place.value("A: zählt");
  const next = place.run("--modbus", file);
  await next.until("values move again", () => ![frozen, undefined].includes(place.value("A: zählt")));
  assert.equal(place.inode("modbus_shm"), inode);
  const kept = ["modbus_image.before", "modbus_journal.before"];
  assert.deepEqual(
    place.ownObjects(),
    [...modbusObjects, ...kept].toSorted(),
    "what the killed one left is kept to be read",
  );
  assert.equal((await next.end()).code, 0);
});

test("a device that is down at the start delays no other, and is connected when it is there", watchdog, async (t) => {
  const place = new Place(t);
  const well = await device(t);
  const port = await freePort();
  const settings = "<retryInterval>0.1</retryInterval>";
  const file = place.write(
    "modbus.xml",
    modbusXml({ alias: "down", port, settings }, { alias: "well", port: well.port }),
  );
  const run = place.run("--modbus", file);
  await run.until("the other has values", () => place.value("well: always 42") === 42);
  assert.deepEqual(Object.keys(place.document() ?? {}), [
    connectionKey("down"),
    connectionKey("well"),
    "well: zählt",
    "well: always 42",
  ]);
  await device(t, port);
  await run.until("both have", () => place.value("down: always 42") === 42);
  assert.equal(place.value(connectionKey("down")), true);
});

test("a device that stopped answering does not hold up the end", watchdog, async (t) => {
  const place = new Place(t);
  const silent = await device(t);
  const settings = "<timeout>60</timeout>";
  const file = place.write("modbus.xml", modbusXml({ alias: "A", port: silent.port, settings }));
  const run = place.run("--modbus", file);
  await run.until("there are values", () => place.value("A: always 42") === 42);
  silent.behaviour = () => undefined;
  const { code } = await run.end();
  assert.equal(code, 0);
  assert.equal(place.value(connectionKey("A")), false);
});
