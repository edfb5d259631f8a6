// SIGTERM, in every state that a partition can be in, and a log that nobody takes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { BornServer } from "./born-server.ts";
import { bornModbusXml } from "./born-modbus.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { fault, times } from "./fault.ts";
import { gateway, isFresh, threadFaults } from "./gateway.ts";
import { TestedPartition } from "./tested-partition.ts";
import { Stopwatch } from "./stopwatch.ts";

const exitWithinMs = 5000;
const settings = "<timeout>60</timeout><retryInterval>0.2</retryInterval>";

/** SIGTERM: exit 0 in time, every connection shown as closed, and the log says that the stop was whole. */
async function stopsWell(partition: TestedPartition): Promise<void> {
  for (const witness of partition.witnesses) witness.excuse(true);
  const stopwatch = new Stopwatch(partition.child.processId);
  const { code, stderr } = await partition.child.end();
  const { isWithin, text } = stopwatch.stop(exitWithinMs);
  assert.equal(code, 0, stderr);
  assert.ok(isWithin, `SIGTERM to exit took ${text}`);
  assert.equal(partition.child.logged(/^stopping$/).length, 1);
  assert.match(stderr.trim().split("\n").at(-1) ?? "", /"msg":"stopped"\}$/);
  for (const service of ["modbus", "opcua"]) {
    const entries = Object.entries(partition.sandbox.document(`${service}_shm`) ?? {});
    for (const [key, { value }] of entries) assert.deepEqual([key.includes(" Connections:"), value], [true, false]);
  }
  for (const witness of partition.witnesses) assert.deepEqual(witness.violations, []);
}

interface Servers {
  readonly device: BornServer;
  readonly server: BornServer;
}

/** Both servers in processes of their own, that can be stopped; they are waited for a minute. */
async function slowGateway(t: TestContext): Promise<Servers & { readonly start: () => TestedPartition }> {
  const [device, server] = await Promise.all([
    BornServer.start(t, "modbus", 0, 3),
    BornServer.start(t, "opcua", 500, 3),
  ]);
  const start = (): TestedPartition =>
    new TestedPartition(t, {
      modbus: bornModbusXml({ alias: "device", port: device.port, firstPlace: 0, points: 3, settings }),
      opcua: bornOpcUaXml({ alias: "server", port: server.port, firstPlace: 500, points: 3, settings }),
      rules: { oldestGoodMs: 60_000 },
    });
  return { device, server, start };
}

fault({
  area: "Machine",
  trigger: `SIGTERM at any moment of the start, ${times({ quick: 4, usual: 6, long: 200 })} times`,
  holds: "exit 0 within 5 s, or the signal's own end before there was anything",
  limitMs: 600_000,
  run: async (t) => {
    const partition = await gateway(t);
    await partition.until("values are good", () => isFresh(partition, 0));
    await stopsWell(partition);
    const count = times({ quick: 4, usual: 6, long: 200 });
    let early = 0;
    for (let round = 0; round < count; round++) {
      for (const name of partition.sandbox.objects()) rmSync(join("/dev/shm", name), { force: true });
      partition.runAgain();
      await pause((1000 * round) / count);
      const stopwatch = new Stopwatch(partition.child.processId);
      const { code, stderr } = await partition.child.end();
      const { isWithin, text } = stopwatch.stop(exitWithinMs);
      assert.ok(isWithin, text);
      if (code === null) {
        early++;
        assert.deepEqual(partition.sandbox.objects(), []);
      } else assert.equal(code, 0, stderr);
    }
    t.diagnostic(`${early} of ${count} came before the program listened to signals`);
  },
});

fault({
  area: "Machine",
  trigger: "SIGTERM while both services wait for servers that accept and never answer",
  holds: "exit 0 within 5 s",
  run: async (t) => {
    const { device, server, start } = await slowGateway(t);
    device.signal("SIGSTOP");
    server.signal("SIGSTOP");
    const partition = start();
    await partition.until("it has begun", () => partition.child.logged(/^started$/).length > 0);
    await partition.until("both are tried", () => partition.witnesses.every((witness) => witness.health !== undefined));
    await stopsWell(partition);
  },
});

fault({
  area: "Machine",
  trigger: "SIGTERM while both servers hang in the middle of polling",
  holds: "exit 0 within 5 s, although they may take a minute to answer",
  run: async (t) => {
    const { device, server, start } = await slowGateway(t);
    const partition = start();
    await partition.until("values are good", () => isFresh(partition, 0));
    device.signal("SIGSTOP");
    server.signal("SIGSTOP");
    const beforeMs = Date.now();
    await pause(500); // some polls long
    assert.ok(!isFresh(partition, beforeMs + 300), "they hang");
    await stopsWell(partition);
  },
});

fault({
  area: "Machine",
  trigger: "SIGTERM while it takes over another configuration, at any moment of that",
  holds: "exit 0 within 5 s",
  run: async (t) => {
    const { device, server, start } = await slowGateway(t);
    const partition = start();
    const more = { points: 200, settings: "<timeout>5</timeout>" };
    for (let round = 0; round < times({ quick: 1, usual: 2, long: 50 }); round++) {
      if (round > 0) partition.runAgain();
      await partition.until("it has begun", () => partition.child.logged(/^connected$/).length === 2);
      partition.sandbox.write(
        "modbus.xml",
        bornModbusXml({ alias: "other", port: device.port, firstPlace: 0, ...more }),
      );
      partition.sandbox.write(
        "opcua.xml",
        bornOpcUaXml({ alias: "else", port: server.port, firstPlace: 500, ...more }),
      );
      partition.child.signal("SIGHUP");
      await pause(round * 10);
      await stopsWell(partition);
    }
  },
});

fault({
  area: "Machine",
  trigger: "SIGTERM while a thread that keeps crashing waits for its next start",
  holds: "exit 0 within 5 s",
  run: async (t) => {
    const { order, launch } = threadFaults(t);
    const partition = await gateway(t, { launch });
    await partition.until("values are good", () => isFresh(partition, 0));
    order("modbus", "crash", "always");
    await partition.until("it is given a pause", () => partition.child.logged(/is started again/).length >= 3);
    await stopsWell(partition);
  },
});

fault({
  area: "Machine",
  trigger: "SIGTERM while the event loop of a service's thread stands still for ever",
  holds: "exit 0 within 5 s, and its connections are shown as closed all the same",
  run: async (t) => {
    const { order, launch } = threadFaults(t);
    const partition = await gateway(t, { launch });
    await partition.until("values are good", () => isFresh(partition, 0));
    order("modbus", "block", "1e9");
    const beforeMs = Date.now();
    await pause(500); // some polls long
    assert.ok(!partition.modbus!.isFresh(beforeMs + 300), "it stands still");
    await stopsWell(partition);
  },
});

fault({
  area: "Machine",
  trigger: "SIGTERM while threads look up names and the name server is silent",
  holds: "exit 0 within 5 s, although the resolver waits for minutes",
  run: async (t) => {
    if (spawnSync("unshare", ["--mount", "true"]).status !== 0) {
      t.skip("mounts of its own are not permitted here: it takes root, or CAP_SYS_ADMIN");
      return;
    }
    const address = `127.${process.pid >> 16}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
    const silent = createSocket("udp4");
    t.after(() => silent.close());
    silent.bind(53, address);
    await once(silent, "listening");
    const folder = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "resolv.conf"), `nameserver ${address}\noptions timeout:30 attempts:4\n`);
    const inOwnMounts = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const wrapper = ["unshare", "--mount", "sh", "-c", inOwnMounts, join(folder, "resolv.conf")];
    const common = { host: "plant.example", port: 4840, points: 1, settings };
    const partition = new TestedPartition(t, {
      modbus: bornModbusXml({ alias: "device", firstPlace: 0, ...common }),
      opcua: bornOpcUaXml({ alias: "server", firstPlace: 500, ...common }),
      launch: { wrapper },
    });
    // Both ask for the address of the name, in both families.
    let questions = 0;
    silent.on("message", () => questions++);
    await partition.until("both have asked", () => questions >= 4);
    await stopsWell(partition);
  },
});
