// Readers of the process image, which has no guard: what they can do at all, and what they cannot.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync, statSync, truncateSync } from "node:fs";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { bornModbusXml } from "./born-modbus.ts";
import { BornServer } from "./born-server.ts";
import { birthOf } from "./born-value.ts";
import { readGuarded } from "./document-consumer.ts";
import { fault, times } from "./fault.ts";
import { ConsumerScene } from "./consumer-scene.ts";

const area = "Consumer";
const intervalMs = 100;
/** Nobody in particular: on every Linux a user without any right. */
const strangerId = 65_534;

fault({
  area,
  trigger: "keeps the image of every old generation mapped for ever",
  holds: "each says that it is retired, a reader of the name has fresh values, and the partition keeps nothing of it",
  extent: "quick",
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, false);
    let generation: number | undefined;
    for (let count = times({ quick: 3, usual: 10, long: 200 }); count > 0; count--) {
      const object = SharedMemoryObject.openExisting(scene.names.image, "read-only");
      assert.ok(object);
      const mapping = object.map("read-only");
      t.after(() => {
        mapping.unmap();
        object.close();
      });
      const old = new ImageReader(mapping.buffer);
      assert.equal(old.isRetired, false);
      assert.equal(old.generation, generation === undefined ? old.generation : generation + 1);
      ({ generation } = old);
      const { cycle } = scene;
      rmSync(scene.names.imagePath);
      // Until it is retired the old image has fresh values, too.
      await scene.recovers((faultMs) => old.isRetired && scene.partition.witness.isFresh(faultMs), cycle);
    }
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "tries to write to the image and to cut it",
  holds: "it is refused to the group, to strangers even the reading",
  run: async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root can be somebody else");
    const scene = await ConsumerScene.start(t, intervalMs, false);
    const { imagePath } = scene.names;
    const before = statSync(imagePath);
    const { gid } = before;
    assert.deepEqual(attempts(imagePath, gid), { r: "done", "r+": "EACCES", truncate: "EACCES", chmod: "EPERM" });
    assert.deepEqual(attempts(imagePath, strangerId), {
      r: "EACCES",
      "r+": "EACCES",
      truncate: "EACCES",
      chmod: "EPERM",
    });
    const after = statSync(imagePath);
    assert.deepEqual([after.ino, after.size, after.mode], [before.ino, before.size, before.mode]);
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "is the partition's own user and cuts the image all the same",
  holds: "the process ends, which nothing can prevent, and the next one takes over what is left",
  run: async (t) => {
    // Without a witness: whoever has the image mapped ends with it.
    const { port } = await BornServer.start(t, "modbus", 0, 1);
    const sandbox = new Sandbox(t);
    const file = sandbox.write("modbus.xml", bornModbusXml({ alias: "device", port, firstPlace: 0, points: 1 }));
    const start = async () => {
      const startedMs = Date.now();
      const run = sandbox.run("--modbus", file);
      await run.until("there are fresh values", () => {
        const value = readGuarded({ sandbox, service: "modbus" })?.["device: p0"]?.["value"];
        return typeof value === "number" && birthOf(value).atMs >= startedMs;
      });
      return run;
    };
    const first = await start();
    truncateSync(sandbox.path("modbus_image"), 0);
    assert.equal((await first.ended).code, null);
    const second = await start();
    assert.equal((await second.end()).code, 0);
  },
});

/** What another user gets who does this to a file: "done", or the error's code. */
function attempts(path: string, gid: number): Readonly<Record<string, string>> {
  const script = `
    const fs = require("node:fs");
    const attempt = (act) => { try { act(); return "done"; } catch (error) { return error.code; } };
    const path = process.argv[1];
    console.log(JSON.stringify({
      r: attempt(() => fs.openSync(path, "r")),
      "r+": attempt(() => fs.openSync(path, "r+")),
      // To what it has: should it not be refused, readers live on.
      truncate: attempt(() => fs.truncateSync(path, fs.statSync(path).size)),
      chmod: attempt(() => fs.chmodSync(path, 0o666)),
    }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script, path], {
    uid: strangerId,
    gid,
    cwd: "/",
    encoding: "utf8",
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Record<string, string>;
}
