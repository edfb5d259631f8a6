// What a start finds: a partition that was killed, another one that starts at the same moment, too few descriptors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fault, times } from "./fault.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { gateway, isFresh, modbusGateway } from "./gateway.ts";
import { TestedPartition } from "./tested-partition.ts";
import { waitsForProcessorMs } from "./stopwatch.ts";

const kills = times({ quick: 2, usual: 15, long: 1000 });
const races = times({ quick: 1, usual: 10, long: 100 });
const backWithinMs = 3000;
const longestLifeMs = 300;
const settings = "<timeout>1</timeout><retryInterval>0.2</retryInterval>";

fault({
  area: "Machine",
  trigger: `the partition is killed with SIGKILL at any moment, ${kills} times`,
  holds: "each next start shows good values of both services within 3 s",
  limitMs: 30_000 + kills * 10_000,
  run: async (t) => {
    const partition = await gateway(t);
    await partition.until("values are good", () => isFresh(partition, 0));
    const paces: { wallMs: number; ownMs: number }[] = [];
    for (let kill = 0; kill < kills; kill++) {
      await pause(Math.random() * longestLifeMs);
      for (const witness of partition.witnesses) witness.excuse(true);
      await partition.child.end("SIGKILL");
      const startedMs = Date.now();
      partition.runAgain();
      await partition.until("values are good again", () => isFresh(partition, startedMs));
      const wallMs = Date.now() - startedMs;
      // A service's thread begins when the main thread has done its part: they wait one after the other.
      const { [String(partition.child.processId)]: mainMs = 0, ...others } = Object.fromEntries(
        waitsForProcessorMs(partition.child.processId),
      );
      paces.push({ wallMs, ownMs: wallMs - mainMs - Math.max(0, ...Object.values(others)) });
      for (const witness of partition.witnesses) witness.excuse(false);
      await partition.healthy();
    }
    const longest = paces.toSorted((a, b) => b.ownMs - a.ownMs)[0]!;
    const text = `${longest.wallMs} ms, ${Math.round(longest.ownMs)} ms without the waits for a processor`;
    t.diagnostic(`longest time from start to good values: ${text}`);
    assert.ok(longest.ownMs < backWithinMs, text);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `two partitions of the same names are started at the same moment, ${races} times`,
  holds: "exactly one of them runs and shows good values, the other exits 3 and says why",
  extent: "quick",
  limitMs: 30_000 + races * 10_000,
  run: async (t) => {
    for (let race = 0; race < races; race++) {
      const partition = await modbusGateway(t);
      const first = partition.child;
      partition.runAgain();
      const second = partition.child;
      const loser = await Promise.race([first.ended.then(() => first), second.ended.then(() => second)]);
      const winner = loser === first ? second : first;
      const { code, stderr } = await loser.ended;
      assert.equal(code, 3, stderr);
      assert.match(stderr, /cannot write to shared memory .* because another process does/);
      const sinceMs = Date.now();
      await winner.until("the winner has good values", () => isFresh(partition, sinceMs));
      const { code: fine, stderr: log } = await winner.end();
      assert.equal(fine, 0, log);
      assert.deepEqual(partition.witness.violations, []);
    }
  },
});

fault({
  area: "Machine",
  trigger: "the partition may have 64 descriptors open and has 60 devices to connect to",
  holds: "as many as fit are good, the others say why not and get their turn when one leaves; nothing spins",
  run: async (t) => {
    const devices = await Promise.all(Array.from({ length: 60 }, (_, place) => startBornDevice(t, place)));
    const servers = devices.map(({ port }, place) => ({
      alias: `d${place}`,
      port,
      firstPlace: place,
      points: 1,
      settings,
    }));
    const launch = { wrapper: ["prlimit", "--nofile=64:64"] };
    const partition = new TestedPartition(t, { modbus: bornModbusXml(...servers), launch });
    const states = () => partition.witness.health?.servers ?? [];
    const connected = (): number => states().filter(({ state }) => state === "connected").length;
    await partition.until("some are connected, the others know why not", () => {
      const lacking = states().filter(({ lastError }) => lastError.includes("limit of open files"));
      return connected() > 0 && connected() + lacking.length === servers.length;
    });
    const before = processorMs(partition.child.processId);
    const reached = connected();
    await pause(2000);
    const usedMs = processorMs(partition.child.processId) - before;
    t.diagnostic(`${reached} of ${servers.length} connected; ${usedMs} ms of processor time in 2 s`);
    assert.ok(usedMs < 1000, `it spins: ${usedMs} ms of processor time in 2 s`);
    const waiting = new Set(
      states()
        .filter(({ state }) => state !== "connected")
        .map(({ server }) => server),
    );
    await Promise.all(devices.filter((_, place) => !waiting.has(`d${place}`)).map((device) => device.close()));
    await partition.until("those that waited are connected", () =>
      states().every(({ server, state }) => !waiting.has(server) || state === "connected"),
    );
    assert.deepEqual(partition.child.logged(/guard/), [], "the semaphores have theirs");
    await partition.end();
  },
});

/** Of all threads of the process together. */
function processorMs(processId: number): number {
  const [user = 0, system = 0] = readFileSync(`/proc/${processId}/stat`, "utf8")
    .split(") ")[1]!
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10; // clock ticks, of which Linux tells programs 100 a second
}
