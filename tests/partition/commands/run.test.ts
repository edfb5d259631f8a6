import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { datagramSocket } from "../../image/posix/datagram-socket.ts";
import { until } from "../../until.ts";
import { Sandbox, type Child } from "./cpc.ts";
import { opcUaServersXml } from "../../plant/configuration-xml.ts";
import { freePort } from "../../plant/free-port.ts";
import { connectionKey, device, modbusXml } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 200_000 };
const modbusObjects = ["modbus_documents", "modbus_image", "modbus_journal", "modbus_shm", "sem.modbus_semaphore"];

test("one service alone, from its start over kill -9 to its end", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const socket = datagramSocket(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const env = { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "200000" };
  const start = (): Child => sandbox.runIn({ env }, "--modbus", file);
  const told: string[] = [];
  const isTold = (what: RegExp) => (): boolean => {
    told.push(...socket.received());
    return told.some((text) => what.test(text));
  };
  const run = start();
  const inodes = () => ["modbus_shm", "modbus_image"].map((name) => sandbox.inode(name));

  await t.test("a service manager hears when it is ready, how it is, and that it lives", async () => {
    await run.until("it is ready", isTold(/^READY=1$/));
    assert.deepEqual(sandbox.ownObjects(), modbusObjects, "whoever comes after it finds what it reads");
    await run.until("it is well", isTold(/^STATUS=All servers connected \(1\), all points good \(2\)\.\nWATCHDOG=1$/));
  });

  await t.test("it publishes moving values, and makes nothing of the other service's", async () => {
    await run.until("there are values", () => sandbox.value("A: zählt") !== undefined);
    const first = sandbox.value("A: zählt");
    await run.until("they move", () => ![first, undefined].includes(sandbox.value("A: zählt")));
    assert.deepEqual(sandbox.document()?.["A: always 42"], {
      value: 42,
      varType: "UInt16",
      description: "always 42 von A",
    });
    assert.deepEqual(sandbox.ownObjects(), modbusObjects);
    const modes = ["modbus_shm", "modbus_image", "modbus_journal"].map((name) =>
      (statSync(sandbox.path(name)).mode & 0o777).toString(8),
    );
    assert.deepEqual(modes, ["660", "640", "640"]);
  });

  await t.test("a second run with the same names exits 3 and changes nothing", async () => {
    const before = [sandbox.ownObjects(), inodes()];
    const second = await sandbox.run("--modbus", file, "--remove-on-exit").ended;
    assert.equal(second.code, 3);
    assert.match(second.stderr, /cannot write to shared memory .*modbus_.* because another process does/);
    assert.deepEqual([sandbox.ownObjects(), inodes()], before);
    const seen = sandbox.value("A: zählt");
    await run.until("the first goes on", () => ![seen, undefined].includes(sandbox.value("A: zählt")));
  });

  const [inode] = inodes();
  await run.end("SIGKILL");
  const frozen = sandbox.value("A: zählt");
  const next = start();
  const kept = [...modbusObjects, "modbus_image.before", "modbus_journal.before"].toSorted();

  await t.test("after kill -9 the next run takes over the same segment, which consumers have mapped", async () => {
    await next.until("values move again", () => ![frozen, undefined].includes(sandbox.value("A: zählt")));
    assert.deepEqual([inodes()[0], sandbox.ownObjects()], [inode, kept], "what the killed one left is kept to be read");
  });

  await t.test("SIGTERM ends it, its objects stay, and the service manager hears of it", async () => {
    next.signal("SIGTERM");
    await until("it says so", isTold(/^STOPPING=1$/));
    const { code, stdout } = await next.ended;
    assert.deepEqual([code, stdout], [0, ""]);
    assert.deepEqual(sandbox.document(), {
      [connectionKey("A")]: {
        value: false,
        varType: "Boolean",
        description: "Connection status to the Modbus server",
      },
    });
    assert.deepEqual(sandbox.ownObjects(), kept);
    isTold(/./)();
    assert.equal(told.at(-1), "STOPPING=1");
  });
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

test(
  "a device that is down delays no other and is connected when it is there; a silent one delays no end",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const well = await device(t);
    const port = await freePort();
    const settings = "<retryInterval>0.1</retryInterval>";
    const file = sandbox.write(
      "modbus.xml",
      modbusXml(
        { alias: "down", port, settings },
        { alias: "well", port: well.port, settings: "<timeout>60</timeout>" },
      ),
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

    well.behaviour = () => undefined;
    assert.equal((await run.end()).code, 0);
    for (const alias of ["down", "well"]) assert.equal(sandbox.value(connectionKey(alias)), false);
  },
);

test("code that was compiled serves the next run, which writes none of it anew when it ends", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const modbus = sandbox.write("modbus.xml", modbusXml({ alias: "A", port: await freePort() }));
  const url = `opc.tcp://127.0.0.1:${await freePort()}`;
  const opcua = sandbox.write("opcua.xml", opcUaServersXml({ alias: "B", url, nodes: [{ name: "n" }] }));
  const folder = join(sandbox.folder, "compiled");
  const files = (): ReadonlyMap<string, number> =>
    new Map(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
        .map((path) => [path, statSync(path).ino]),
    );
  let before: ReadonlyMap<string, number> = new Map();
  for (let runs = 1; runs <= 3; runs++) {
    const own = ["--modbus", modbus, "--opcua", opcua, "--certificates", sandbox.folder];
    const run = sandbox.runIn({ env: { NODE_COMPILE_CACHE: folder } }, ...own);
    await run.until("both have tried", () => run.logged(/nothing listens there/).length === 2);
    await run.end();
    const now = files();
    assert.ok(now.size > 100);
    const anew = Array.from(before).filter(([name, inode]) => now.get(name) !== inode);
    // All but the few that a busy machine loads only after ten seconds: heaps grow differently by then, and code is compiled for that.
    assert.ok(anew.length < 10, `run ${runs}: ${anew.join(" ")}`);
    before = now;
  }
  // A folder for each set of flags under which code was loaded: the runtime's own code is compiled for those of the first only.
  assert.equal(readdirSync(folder).length, 1);
});
