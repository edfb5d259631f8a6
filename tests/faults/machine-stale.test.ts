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
import { Place } from "../partition/commands/cpc.ts";
import { fault } from "./fault.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { Witness } from "./witness.ts";

const objects = ["modbus_shm", "modbus_image", "modbus_image.next", "sem.modbus_semaphore"] as const;
type Stale = (path: string, place: Place) => void;

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
    (path, place) => {
      writeFileSync(path, "theirs");
      linkSync(path, path.replace(place.prefix, `${place.prefix}theirs_`));
    },
    /has 2 names \(hard links\): removed, a new object takes its name/,
  ],
  "that is a symbolic link": [
    (path, place) => symlinkSync(place.write("theirs", "theirs"), path),
    /is a symbolic link: removed, a new object takes its name/,
  ],
};

/** In /dev/shm, as it stands in `objects`. */
function pathOf(place: Place, object: string): string {
  return object.startsWith("sem.") ? place.semaphorePath(object.slice(4)) : place.path(object);
}

/** Starts, and waits until values are good and the objects have their modes; what it wrote to the log. */
async function runsWell(t: TestContext, place: Place): Promise<string> {
  const { port } = await startBornDevice(t, 0);
  const file = place.write("modbus.xml", bornModbusXml({ alias: "device", port, firstPlace: 0, points: 3 }));
  const startedMs = Date.now();
  const run = place.run("--modbus", file);
  await run.until("the objects are there", () => run.logged(/^started$/).length > 0);
  const rules = { oldestGoodMs: 2500, bystanders: [], longestPauseMs: 2000, documents: true };
  const witness = new Witness(place, "modbus", rules);
  try {
    await run.until("values are good", () => witness.isFresh(startedMs));
    const modes = [place.path("modbus_shm"), place.path("modbus_image"), place.semaphorePath("modbus_semaphore")];
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
        const place = new Place(t);
        leave(pathOf(place, object), place);
        await runsWell(t, place);
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
        const place = new Place(t);
        const path = pathOf(place, object);
        leave(path, place);
        assert.match(await runsWell(t, place), message);
        for (const left of [join(place.folder, "theirs"), path.replace(place.prefix, `${place.prefix}theirs_`)])
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
      const place = new Place(t);
      const path = pathOf(place, object);
      mkdirSync(path);
      const { code, stderr } = await place.run("--modbus", anything(place)).ended;
      assert.equal(code, 1, stderr);
      assert.ok(stderr.includes(`${path} is a directory; remove it`), stderr);
      assert.equal(stderr.trim().split("\n").length, 1, "a sentence, and no stack");
      assert.deepEqual(place.objects(), [path.slice("/dev/shm/".length)]);
      rmdirSync(path);
      await runsWell(t, place);
    }
  },
});

function anything(place: Place): string {
  return place.write("modbus.xml", bornModbusXml({ alias: "device", port: 1, firstPlace: 0, points: 1 }));
}
