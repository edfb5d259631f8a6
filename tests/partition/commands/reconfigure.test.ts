import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Place } from "./cpc.ts";
import { opcUaXml } from "../../plant/configuration-xml.ts";
import { connectionKey, device, modbusXml, type Server } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 60_000 };

/** A partition of two devices, with values. */
async function running(t: TestContext) {
  const place = new Place(t);
  const [a, b] = [await device(t), await device(t)];
  const servers = [
    { alias: "A", port: a.port },
    { alias: "B", port: b.port },
  ] as const;
  const write = (...list: readonly Server[]): string => place.write("modbus.xml", modbusXml(...list));
  const run = place.run("--modbus", write(...servers));
  await run.until("both have values", () => ["A", "B"].every((alias) => place.value(`${alias}: always 42`) === 42));
  return { place, a, b, servers, write, run };
}

test(
  "after SIGHUP only the server that changed connects anew, and documents never lack the other",
  watchdog,
  async (t) => {
    const { place, servers, write, run, a, b } = await running(t);
    write(servers[0], { ...servers[1], names: ["zählt", "always 42", "neu"] });
    run.signal("SIGHUP");
    await run.until("the new point is there", () => place.value("B: neu") !== undefined);
    assert.deepEqual([a.connections, b.connections], [1, 2]);
    assert.equal(place.value("A: always 42"), 42);
    assert.equal(run.logged(/^configuration applied \(SIGHUP\)$/).length, 1);
  },
);

test("a file that was replaced is noticed, and a server that left it is disconnected", watchdog, async (t) => {
  const { place, servers, write, run, b } = await running(t);
  write(servers[0]);
  await run.until("B is gone", () => place.document() !== undefined && place.value(connectionKey("B")) === undefined);
  await run.until("it is disconnected", () => b.openSockets() === 0);
  assert.deepEqual(Object.keys(place.document() ?? {}), [connectionKey("A"), "A: zählt", "A: always 42"]);
});

test("an invalid file is refused with every problem, and the old configuration goes on", watchdog, async (t) => {
  const { place, run, a, b, servers } = await running(t);
  const file = place.write("modbus.xml", modbusXml(...servers).replaceAll("<address>0<", "<address>x<"));
  run.signal("SIGHUP");
  await run.until("it is refused", () => run.logged(/changed configuration rejected/).length > 0);
  const problems = run.logged(/modbus\.xml:\d+: /).map(({ msg }) => String(msg));
  assert.ok(problems.length >= 2 && problems.every((problem) => problem.startsWith(`${file}:`)));
  const seen = place.value("A: zählt");
  await run.until("values move", () => ![seen, undefined].includes(place.value("A: zählt")));
  assert.deepEqual([a.connections, b.connections], [1, 1]);
  assert.equal((await run.end()).code, 0);
});

test("a configuration that needs more room makes the segment grow, under the same inode", watchdog, async (t) => {
  const { place, servers, write, run } = await running(t);
  const inode = place.inode("modbus_shm");
  const many = Array.from({ length: 200 }, (_, index) => `Messstelle ${index}`);
  write({ ...servers[0], names: many }, servers[1]);
  run.signal("SIGHUP");
  await run.until("all points are there", () => place.value("A: Messstelle 199") !== undefined);
  assert.equal(place.inode("modbus_shm"), inode);
  assert.equal(place.value("Entries missing"), undefined);
  assert.equal(run.logged(/the segment has grown/).length, 1);
});

test("a SIGHUP in the first moment is not lost", watchdog, async (t) => {
  const place = new Place(t);
  const { port } = await device(t);
  const file = place.write("modbus.xml", modbusXml({ alias: "A", port }));
  const run = place.run("--modbus", file);
  await run.until("it has begun", () => run.logged(/^started$/).length > 0);
  place.write("modbus.xml", modbusXml({ alias: "B", port }));
  run.signal("SIGHUP");
  await run.until("B has values", () => place.value("B: always 42") === 42);
  assert.equal(place.value(connectionKey("A")), undefined);
});

test("a file that is replaced while the partition starts is noticed", watchdog, async (t) => {
  const place = new Place(t);
  const { port } = await device(t);
  const file = place.write("modbus.xml", modbusXml({ alias: "A", port }));
  place.write("modbus.xml.next", modbusXml({ alias: "B", port }));
  const preload = `--import=${new URL("./replace-after-read.ts", import.meta.url).href}`;
  const env = { NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${preload}` };
  const run = place.runIn({ env }, "--modbus", file);
  await run.until("B has values", () => place.value("B: always 42") === 42);
  assert.equal(run.logged(/^configuration applied \(.*modbus\.xml changed\)$/).length, 1);
});

test("what will not work with certificates is said of a changed file as well", watchdog, async (t) => {
  const place = new Place(t);
  const file = place.write("opcua.xml", opcUaXml({ alias: "Plant", url: "opc.tcp://127.0.0.1:1", policy: "None" }));
  const run = place.run("--opcua", file);
  await run.until("it has begun", () => run.logged(/^started$/).length > 0);
  const security = `<server_certificate>${place.write("plain.der", "no certificate")}</server_certificate>`;
  place.write("opcua.xml", opcUaXml({ alias: "Plant", url: "opc.tcp://127.0.0.1:1", security }));
  run.signal("SIGHUP");
  await run.until("it is taken over", () => run.logged(/^configuration applied/).length > 0);
  assert.equal(run.logged(/^\S+opcua\.xml:\d+: server Plant: .*plain\.der/).length, 1);
  assert.equal(run.logged(/^certificates are in \//).length, 1);
});
