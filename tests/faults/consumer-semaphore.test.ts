// A consumer that cuts the file of its semaphore while it is used: the documents process dies of it, and nothing else may notice.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Sandbox } from "../partition/commands/cpc.ts";
import { device, modbusXml } from "../plant/modbus-plant.ts";
import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import { fault, times } from "./fault.ts";

const spoiledMs = times({ quick: 2000, usual: 30_000, long: 600_000 });
const lookMs = 10;

fault({
  area: "Consumer",
  trigger: "overwrites and cuts the file of its semaphore all the time",
  holds:
    "the partition lives, polls and publishes all along, and the other consumer's documents come back after each death",
  extent: "long",
  limitMs: spoiledMs + 120_000,
  run: async (t) => {
    const sandbox = new Sandbox(t);
    const { port } = await device(t);
    const file = sandbox.write("modbus.xml", modbusXml({ alias: "A", port }));
    const run = sandbox.run("--modbus", file, "--consumers", "bad,good");
    const value = (): unknown => sandbox.value("A: zählt", "modbus_shm_good");
    await run.until("there are values", () => value() !== undefined);
    using opened = new OpenedImage(`${sandbox.prefix}modbus_image`);
    const image = opened.current();
    assert.ok(image !== undefined);
    const script = fileURLToPath(new URL("../documents/semaphore-spoiler.ts", import.meta.url));
    const spoiler = fork(script, [sandbox.semaphorePath("modbus_semaphore_bad")]);
    t.after(() => spoiler.kill("SIGKILL"));
    const endMs = performance.now() + spoiledMs;
    let [seen, seenMs, longestMs] = [value(), performance.now(), 0];
    let [polls, polledMs, longestPollMs] = [image.groupCount(0, "polls"), performance.now(), 0];
    while (performance.now() < endMs) {
      await pause(lookMs);
      const nowMs = performance.now();
      const now = value();
      if (now !== undefined && now !== seen) {
        longestMs = Math.max(longestMs, nowMs - seenMs);
        [seen, seenMs] = [now, nowMs];
      }
      const count = image.groupCount(0, "polls");
      if (count !== polls) {
        longestPollMs = Math.max(longestPollMs, nowMs - polledMs);
        [polls, polledMs] = [count, nowMs];
      }
    }
    spoiler.disconnect();
    const deaths = run.logged(/documents process ended/).length;
    t.diagnostic(
      `${deaths} deaths; longest pause: polls ${Math.round(longestPollMs)} ms, documents ${Math.round(longestMs)} ms`,
    );
    assert.ok(run.isRunning);
    assert.equal(opened.current(), image, "the image is the same");
    assert.equal(image.serverCount(0, "connects"), 1n);
    assert.equal((await run.end()).code, 0);
  },
});
