// What can happen to the threads of a partition: one crashes, one stands still, one takes all memory; or all of them are stopped.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fault, times } from "./fault.ts";
import { gateway, isFresh, threadFaults } from "./gateway.ts";

const intervalMs = 100;
const crashes = times({ quick: 1, usual: 3, long: 50 });
const stoppedMs = times({ quick: 2000, usual: 5000, long: 30_000 });
const blockedMs = 2000;

fault({
  area: "Machine",
  trigger: `a service's thread crashes, ${crashes} times`,
  holds: "the other service goes on without a pause, and the crashed one is back without help; status and log say why",
  extent: "quick",
  limitMs: 60_000 + crashes * 8000,
  run: async (t) => {
    const { file, launch } = threadFaults(t);
    const partition = await gateway(t, { launch, rules: { bystanders: ["server"] } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    for (let crash = 1; crash <= crashes; crash++) {
      const crashedMs = Date.now();
      writeFileSync(file("modbus", "crash"), "");
      await partition.until("it is told", () => partition.child.logged(/is started again/).length === crash);
      await partition.until("values are good again", () => partition.modbus!.isFresh(crashedMs));
    }
    const logged = partition.child.logged(/is started again/);
    assert.ok(logged.every((record) => record["service"] === "modbus"));
    assert.ok(partition.child.stderr.includes("a fault of the test"), "with its reason");
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `the event loop of a service's thread stands still for ${blockedMs} ms`,
  holds: "the ticks that it missed are counted and not made up for, the other service goes on without a pause",
  run: async (t) => {
    const { file, launch } = threadFaults(t);
    const partition = await gateway(t, { launch, rules: { bystanders: ["server"] } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    const { modbus, opcua } = partition;
    modbus!.rule({ longestPauseMs: blockedMs + 1000, oldestGoodMs: blockedMs + 1000 });
    const before = modbus!.health!;
    const othersMissed = opcua!.health!.ticksMissed;
    const beganMs = Date.now();
    writeFileSync(file("modbus", "block"), String(blockedMs));
    await partition.until("it goes on", () => modbus!.health!.ticksMissed > before.ticksMissed);
    await partition.until("values are good again", () => modbus!.isFresh(beganMs + blockedMs));
    const after = modbus!.health!;
    const missed = after.ticksMissed - before.ticksMissed;
    const due = (Date.now() - beganMs) / intervalMs;
    const published = after.documents - before.documents;
    assert.ok(missed >= blockedMs / intervalMs - 2, `only ${missed} ticks were counted as missed`);
    assert.ok(published <= due - missed + 5, `${published} documents, ${missed} missed, ${Math.round(due)} were due`);
    t.diagnostic(
      `${missed} missed, ${published} published; the other service missed ${opcua!.health!.ticksMissed - othersMissed}`,
    );
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: `the whole partition is stopped for ${stoppedMs} ms (SIGSTOP) and continued`,
  holds:
    "no value that looks good is older than a cycle soon after, the ticks that it missed are counted and not made up for",
  limitMs: 60_000 + stoppedMs,
  run: async (t) => {
    const partition = await gateway(t);
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    const before = partition.witnesses.map((witness) => witness.health!);
    for (const witness of partition.witnesses) witness.excuse(true);
    partition.child.signal("SIGSTOP");
    await pause(stoppedMs);
    partition.child.signal("SIGCONT");
    const continuedMs = Date.now();
    await partition.until("values are good again", () => isFresh(partition, continuedMs));
    t.diagnostic(`good values ${Date.now() - continuedMs} ms after it was continued`);
    for (const witness of partition.witnesses) witness.excuse(false);
    await pause(1000); // what comes late from before would show
    partition.witnesses.forEach((witness, index) => {
      const { ticksMissed, documents } = witness.health!;
      const missed = ticksMissed - before[index]!.ticksMissed;
      assert.ok(missed >= stoppedMs / intervalMs - 2, `only ${missed} ticks were counted as missed`);
      const published = documents - before[index]!.documents;
      const awake = (Date.now() - continuedMs) / intervalMs;
      assert.ok(published <= awake + 10, `${published} documents since, ${Math.round(awake)} ticks`);
    });
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "a leak in a service's thread takes all the memory that it may have",
  holds: "it alone ends and is started again, with the reason in the log; the other service goes on without a pause",
  run: async (t) => {
    const { file, launch } = threadFaults(t, "--max-old-space-size=96");
    const partition = await gateway(t, { launch, rules: { bystanders: ["server"] } });
    await partition.until("values are good", () => isFresh(partition, 0));
    // Collecting what is no garbage takes its time.
    partition.modbus!.rule({ longestPauseMs: 15_000, oldestGoodMs: 15_000 });
    const filledMs = Date.now();
    writeFileSync(file("modbus", "fill"), "");
    await partition.until("it is told", () => partition.child.logged(/is started again/).length === 1);
    await partition.until("values are good again", () => partition.modbus!.isFresh(filledMs));
    assert.match(partition.child.stderr, /memory limit/, "the reason is told");
    // A thread that ran out of memory closes nothing: its mapping of the image and one descriptor stay until the process ends.
    await partition.healthy();
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "a leak in the main thread takes all the memory that the process may have",
  holds: "the process ends and says why, no reader takes its image for a living one, the next start has good values",
  run: async (t) => {
    const { file, launch } = threadFaults(t, "--max-old-space-size=96");
    const partition = await gateway(t, { launch });
    await partition.until("values are good", () => isFresh(partition, 0));
    for (const witness of partition.witnesses) witness.excuse(true);
    writeFileSync(file("main", "fill"), "");
    const { code, stderr } = await partition.child.ended;
    assert.notEqual(code, 0);
    assert.match(stderr, /JavaScript heap out of memory/);
    for (const witness of partition.witnesses) assert.equal(witness.health?.isAlive, false);
    const startedMs = Date.now();
    partition.runAgain();
    await partition.until("values are good again", () => isFresh(partition, startedMs));
    for (const witness of partition.witnesses) witness.excuse(false);
    await partition.healthy();
    await partition.end();
  },
});
