import assert from "node:assert/strict";
import { test } from "node:test";
import { Sandbox } from "./cpc.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { modbusServersXml, opcUaXml } from "../../plant/configuration-xml.ts";
import { connectionKey, device, modbusXml, type Server } from "../../plant/modbus-plant.ts";

const watchdog = { timeout: 200_000 };

test("a partition that runs follows its file", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const [a, b] = [await device(t), await device(t)];
  const servers = [
    { alias: "A", port: a.port },
    { alias: "B", port: b.port },
  ] as const;
  const write = (...list: readonly Server[]): string => sandbox.write("modbus.xml", modbusXml(...list));
  const file = write(...servers);
  const run = sandbox.run("--modbus", file);
  await run.until("both have values", () => ["A", "B"].every((alias) => sandbox.value(`${alias}: always 42`) === 42));
  const inode = sandbox.inode("modbus_shm");

  await t.test("an invalid file is refused with every problem, and the old configuration goes on", async () => {
    sandbox.write("modbus.xml", modbusXml(...servers).replaceAll("<address>0<", "<address>x<"));
    run.signal("SIGHUP");
    await run.until("it is refused", () => run.logged(/changed configuration rejected/).length > 0);
    const problems = run.logged(/modbus\.xml:\d+: /).map(({ msg }) => String(msg));
    assert.ok(problems.length >= 2 && problems.every((problem) => problem.startsWith(`${file}:`)));
    const seen = sandbox.value("A: zählt");
    await run.until("values move", () => ![seen, undefined].includes(sandbox.value("A: zählt")));
    assert.deepEqual([a.connections, b.connections], [1, 1]);
  });

  await t.test(
    "after SIGHUP only the server that changed connects anew, and documents never lack the other",
    async () => {
      write(servers[0], { ...servers[1], names: ["zählt", "always 42", "neu"] });
      run.signal("SIGHUP");
      await run.until("the new point is there", () => sandbox.value("B: neu") !== undefined);
      assert.deepEqual([a.connections, b.connections], [1, 2]);
      assert.equal(sandbox.value("A: always 42"), 42);
      // The file may have been noticed before the signal came: then the signal makes nothing new.
      await run.until("it is logged", () => run.logged(/^configuration applied \(SIGHUP\)$/).length === 1);
    },
  );

  const large = { ...servers[0], names: Array.from({ length: 200 }, (_, index) => `Messstelle ${index}`) };

  await t.test("a configuration that needs more room makes the segment grow, under the same inode", async () => {
    write(large, servers[1]);
    run.signal("SIGHUP");
    await run.until("all points are there", () => sandbox.value("A: Messstelle 199") !== undefined);
    assert.equal(sandbox.inode("modbus_shm"), inode);
    assert.equal(sandbox.value("Entries missing"), undefined);
    await run.until("it is logged", () => run.logged(/the segment has grown/).length === 1);
  });

  await t.test("a file that was replaced is noticed, and a server that left it is disconnected", async () => {
    write(large);
    await run.until(
      "B is gone",
      () => sandbox.document() !== undefined && sandbox.value(connectionKey("B")) === undefined,
    );
    await run.until("it is disconnected", () => b.openSockets() === 0);
    assert.deepEqual(Object.keys(sandbox.document() ?? {}), [
      connectionKey("A"),
      ...large.names.map((name) => `A: ${name}`),
    ]);
  });

  assert.equal((await run.end()).code, 0);
});

test(
  "after a change of intervals no point is missing, every value goes on, and the order stays",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const other = await device(t);
    const write = (...intervals: readonly (number | undefined)[]): string => {
      const endpoints = intervals.map((interval, address) => ({
        name: `p${address}`,
        address,
        settings: interval === undefined ? "" : `<interval>${interval}</interval>`,
      }));
      const unchanged = { alias: "B", port: other.port, endpoints: [{ name: "p", address: 0 }] };
      return sandbox.write("modbus.xml", modbusServersXml({ alias: "A", port, endpoints }, unchanged));
    };
    const keys = [connectionKey("A"), "A: p0", "A: p1", "A: p2", "A: p3", connectionKey("B"), "B: p"];
    const isWhole = (): boolean => Object.keys(sandbox.document() ?? {}).join() === keys.join();
    using opened = new OpenedImage(`${sandbox.prefix}modbus_image`);
    const groupsOfA = (): readonly string[] | undefined =>
      opened
        .current()
        ?.directory.servers[0]?.groups.map(({ name, points }) => `${name}: ${points.map(({ key }) => key).join()}`);
    const run = sandbox.run("--modbus", write(0.1, undefined, 0.1, undefined));
    await run.until("all values are there, in the order of the file", isWhole);
    assert.deepEqual(groupsOfA(), ["0.05 s: A: p1,A: p3", "0.1 s: A: p0,A: p2"]);
    const { generation = 0, pointsSince = 0 } = opened.current() ?? {};
    write(0.5, 0.1, 0.5, 0.2);
    run.signal("SIGHUP");
    await run.until("it is applied", () => groupsOfA()?.length === 3);
    await run.until("all values are there again", isWhole);
    assert.deepEqual(groupsOfA(), ["0.1 s: A: p1", "0.2 s: A: p3", "0.5 s: A: p0,A: p2"]);
    const image = opened.current();
    assert.ok(image !== undefined && image.generation > generation && image.pointsSince > pointsSince);
    for (const key of keys.filter((name) => name.includes(": p"))) {
      const before = sandbox.value(key);
      await run.until(`${key} moves`, () => ![before, undefined].includes(sandbox.value(key)));
    }
    assert.equal(other.connections, 1);
  },
);

test("a SIGHUP in the first moment is not lost", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  const run = sandbox.run("--modbus", file);
  await run.until("it has begun", () => run.logged(/^started$/).length > 0);
  sandbox.write("modbus.xml", modbusXml({ alias: "B", port }));
  run.signal("SIGHUP");
  await run.until("B has values", () => sandbox.value("B: always 42") === 42);
  assert.equal(sandbox.value(connectionKey("A")), undefined);
});

test("a file that is replaced while the partition starts is noticed", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const { port } = await device(t);
  const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
  sandbox.write("modbus.xml.next", modbusXml({ alias: "B", port }));
  const preload = `--import=${new URL("./replace-after-read.ts", import.meta.url).href}`;
  const env = { NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${preload}` };
  const run = sandbox.runIn({ env }, "--modbus", file);
  await run.until("B has values", () => sandbox.value("B: always 42") === 42);
  assert.equal(run.logged(/^configuration applied \(.*modbus\.xml changed\)$/).length, 1);
});

test("what will not work with certificates is said of a changed file as well", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const file = sandbox.write("opcua.xml", opcUaXml({ alias: "Plant", url: "opc.tcp://127.0.0.1:1", policy: "None" }));
  const run = sandbox.run("--opcua", file);
  await run.until("it has begun", () => run.logged(/^started$/).length > 0);
  const security = `<server_certificate>${sandbox.write("plain.der", "no certificate")}</server_certificate>`;
  sandbox.write("opcua.xml", opcUaXml({ alias: "Plant", url: "opc.tcp://127.0.0.1:1", security }));
  run.signal("SIGHUP");
  await run.until("it is taken over", () => run.logged(/^configuration applied/).length > 0);
  assert.equal(run.logged(/^\S+opcua\.xml:\d+: server Plant: .*plain\.der/).length, 1);
  assert.equal(run.logged(/^certificates are in \//).length, 1);
});
