// What an earlier run, or somebody else, left under the names that the partition needs.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Sandbox } from "../partition/commands/cpc.ts";
import { fault } from "./fault.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { Witness } from "./witness.ts";

const objects = ["modbus_shm", "modbus_image", "modbus_image.next", "sem.modbus_semaphore"] as const;
type Stale = (path: string, sandbox: Sandbox) => void;

const takenOver: Readonly<Record<string, Stale>> = {
  "of zero length": (path) => writeFileSync(path, ""),
  "of another size": (path) => writeFileSync(path, Buffer.alloc(31, 1)),
  "larger than any of ours": (path) => writeFileSync(path, Buffer.alloc(3_000_001, 1)),
  "of the right size, full of garbage": (path) => writeFileSync(path, randomBytes(path.includes("sem.") ? 32 : 16_384)),
  "that anybody may write to": (path) => {
    writeFileSync(path, "");
    chmodSync(path, 0o666);
  },
};

const replaced: Readonly<Record<string, readonly [Stale, RegExp]>> = {
  "of another user": [
    (path) => {
      writeFileSync(path, "theirs");
      chownSync(path, 65_534, 65_534);
    },
    /belongs to user id 65534 and this is user id \d+: removed, a new object takes its name/,
  ],
  "with a second name": [
    (path, sandbox) => {
      writeFileSync(path, "theirs");
      linkSync(path, path.replace(sandbox.prefix, `${sandbox.prefix}theirs_`));
    },
    /has 2 names \(hard links\): removed, a new object takes its name/,
  ],
  "that is a symbolic link": [
    (path, sandbox) => symlinkSync(sandbox.write("theirs", "theirs"), path),
    /is a symbolic link: removed, a new object takes its name/,
  ],
};

/** In /dev/shm, as it stands in `objects`. */
function pathOf(sandbox: Sandbox, object: string): string {
  return object.startsWith("sem.") ? sandbox.semaphorePath(object.slice(4)) : sandbox.path(object);
}

/** Starts, and waits until values are good and the objects have their modes; what it wrote to the log. */
async function runsWell(t: TestContext, sandbox: Sandbox): Promise<string> {
  const { port } = await startBornDevice(t, 0);
  const file = sandbox.write("modbus.xml", bornModbusXml({ alias: "device", port, firstPlace: 0, points: 3 }));
  const startedMs = Date.now();
  const run = sandbox.run("--modbus", file);
  await run.until("the objects are there", () => run.logged(/^started$/).length > 0);
  const rules = { oldestGoodMs: 2500, bystanders: [], longestPauseMs: 2000, documents: true };
  const witness = new Witness(sandbox, "modbus", rules);
  try {
    await run.until("values are good", () => witness.isFresh(startedMs));
    const modes = [sandbox.path("modbus_shm"), sandbox.path("modbus_image"), sandbox.semaphorePath("modbus_semaphore")];
    assert.deepEqual(
      modes.map((path) => lstatSync(path).mode & 0o777),
      [0o660, 0o640, 0o660],
    );
    const { code, stderr } = await run.end();
    assert.equal(code, 0, stderr);
    assert.deepEqual(witness.violations, []);
    return stderr;
  } finally {
    await witness.end();
  }
}

for (const [kind, leave] of Object.entries(takenOver)) {
  fault({
    area: "Machine",
    trigger: `there is an object ${kind} under each of the names`,
    holds: "it is taken over with the right mode, or replaced, and values are good",
    run: async (t) => {
      for (const object of objects) {
        const sandbox = new Sandbox(t);
        leave(pathOf(sandbox, object), sandbox);
        await runsWell(t, sandbox);
      }
    },
  });
}

for (const [kind, [leave, message]] of Object.entries(replaced)) {
  fault({
    area: "Machine",
    trigger: `there is an object ${kind} under one of the names`,
    holds: "a new object takes the name, the log says why, values are good, and what the old one holds is as it was",
    run: async (t) => {
      if (process.geteuid?.() !== 0 && kind === "of another user") {
        t.skip("only root can give a file away, and take its name");
        return;
      }
      for (const object of objects) {
        const sandbox = new Sandbox(t);
        const path = pathOf(sandbox, object);
        leave(path, sandbox);
        assert.match(await runsWell(t, sandbox), message);
        for (const left of [join(sandbox.folder, "theirs"), path.replace(sandbox.prefix, `${sandbox.prefix}theirs_`)])
          if (existsSync(left)) assert.equal(readFileSync(left, "utf8"), "theirs");
      }
    },
  });
}

fault({
  area: "Machine",
  trigger: "there is a directory under one of the names",
  holds: "the start is refused with its path and what to do, and leaves everything as it was; without it, it starts",
  run: async (t) => {
    for (const object of objects) {
      const sandbox = new Sandbox(t);
      const path = pathOf(sandbox, object);
      mkdirSync(path);
      const { code, stderr } = await sandbox.run("--modbus", anything(sandbox)).ended;
      assert.equal(code, 1, stderr);
      assert.ok(stderr.includes(`${path} is a directory; remove it`), stderr);
      assert.equal(stderr.trim().split("\n").length, 1, "a sentence, and no stack");
      assert.deepEqual(sandbox.objects(), [path.slice("/dev/shm/".length)]);
      rmdirSync(path);
      await runsWell(t, sandbox);
    }
  },
});

function anything(sandbox: Sandbox): string {
  return sandbox.write("modbus.xml", bornModbusXml({ alias: "device", port: 1, firstPlace: 0, points: 1 }));
}
