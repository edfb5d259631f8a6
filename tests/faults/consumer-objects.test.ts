// Consumers that do to their segment and their semaphore what everybody can who may write to a file, or to its folder.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { connectionKey } from "../plant/modbus-plant.ts";
import { fault, times, type Extent } from "./fault.ts";
import { ConsumerScene } from "./consumer-scene.ts";
import { parseDocument } from "../documents/parse-document.ts";

const area = "Consumer";
const intervalMs = 100;
const rounds = times({ quick: 1, usual: 3, long: 50 });
const mode = 0o660;

interface Damage {
  readonly trigger: string;
  readonly extent?: Extent;
  /** Objects put back each time; "perhaps": the next document may repair it before anybody looks. */
  readonly restored: number | "perhaps";
  readonly damage: (scene: ConsumerScene) => void;
}

const damages: readonly Damage[] = [
  {
    trigger: "removes the segment, as Python's resource tracker does when a program ends",
    extent: "quick",
    restored: 1,
    damage: ({ names }) => rmSync(names.segmentPath),
  },
  { trigger: "removes the semaphore", restored: 1, damage: ({ names }) => rmSync(names.semaphorePath) },
  {
    trigger: "removes both objects",
    extent: "quick",
    restored: 2,
    damage: ({ names }) => {
      rmSync(names.segmentPath);
      rmSync(names.semaphorePath);
    },
  },
  {
    trigger: "cuts the segment to nothing",
    restored: "perhaps",
    damage: ({ names }) => truncateSync(names.segmentPath, 0),
  },
  {
    trigger: "cuts the semaphore to nothing",
    restored: 1,
    damage: ({ names }) => truncateSync(names.semaphorePath, 0),
  },
  {
    trigger: "fills the segment with garbage",
    restored: 0,
    damage: ({ names }) => overwrite(names.segmentPath),
  },
  { trigger: "fills the semaphore with garbage", restored: 1, damage: ({ names }) => overwrite(names.semaphorePath) },
  {
    trigger: "renames both objects",
    restored: 2,
    damage: ({ names }) => {
      renameSync(names.segmentPath, `${names.segmentPath}.away`);
      renameSync(names.semaphorePath, `${names.semaphorePath}.away`);
    },
  },
  {
    trigger: "links both objects to second names",
    extent: "quick",
    restored: 2,
    damage: ({ names }) => {
      for (const path of [names.segmentPath, names.semaphorePath]) {
        rmSync(`${path}.too`, { force: true });
        linkSync(path, `${path}.too`);
      }
    },
  },
  {
    trigger: "puts links in the place of both objects",
    restored: 2,
    damage: ({ names }) => {
      for (const path of [names.segmentPath, names.semaphorePath]) {
        rmSync(path);
        symlinkSync("/dev/null", path);
      }
    },
  },
  {
    trigger: "takes every permission from both objects",
    restored: 2,
    damage: ({ names }) => {
      chmodSync(names.segmentPath, 0);
      chmodSync(names.semaphorePath, 0);
    },
  },
];

for (const { trigger, extent = "usual", restored, damage } of damages) {
  fault({
    area,
    trigger,
    holds: "its successor has fresh values within three cycles, the other consumer has them all along",
    extent,
    run: async (t) => {
      const scene = await ConsumerScene.start(t, intervalMs, false);
      for (let round = 0; round < rounds; round++) {
        damage(scene);
        await scene.recovers();
        if (restored === "perhaps") continue;
        await scene.partition.until("what was damaged is counted", () => restoredBy(scene) >= restored * (round + 1));
      }
      if (restored !== "perhaps") {
        assert.equal(restoredBy(scene), restored * rounds);
        // The log takes longer than the counter.
        const logged = () => scene.partition.child.logged(/put back/).length;
        await scene.partition.until("each object is logged", () => logged() >= restored);
        assert.equal(logged(), restored, "once, however often it was put back");
      }
      for (const path of [scene.names.segmentPath, scene.names.semaphorePath])
        assert.equal(statSync(path).mode & 0o7777, mode);
      await scene.partition.until("the guard is at 1", () => scene.permits() === 1);
      await scene.partition.end();
    },
  });
}

fault({
  area,
  trigger: "puts a directory in the place of its objects",
  holds: "nobody else notices, the log says what is there, and three cycles after it is gone all is well",
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, false);
    const { segmentPath, semaphorePath } = scene.names;
    for (const path of [segmentPath, semaphorePath]) {
      rmSync(path);
      mkdirSync(path);
      await scene.partition.until("the log says so", () =>
        scene.partition.child.stderr.includes(`${path} is a directory; remove it`),
      );
      const documents = scene.documents;
      await scene.partition.until("documents go on", () => scene.documents > documents + 3);
      rmSync(path, { recursive: true });
      await scene.recovers();
    }
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "locks its segment",
  holds: "the partition's lock is first, and a locked file that takes the segment's name becomes the segment",
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, false);
    const { segment, segmentPath } = scene.names;
    using ours = SharedMemoryObject.openExisting(segment, "read-write");
    assert.equal(ours?.tryLock(), false);
    // Under another name until it is locked: the partition may be faster than we are.
    writeFileSync(`${segmentPath}.made`, "not a document");
    using made = SharedMemoryObject.openExisting(`${segment}.made`, "read-write");
    assert.equal(made?.tryLock(), true);
    renameSync(`${segmentPath}.made`, segmentPath);
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area,
  trigger: "keeps the old segment for ever, time after time",
  holds: "nothing in it looks alive any more, and the partition keeps nothing of it",
  extent: "quick",
  run: async (t) => {
    const scene = await ConsumerScene.start(t, intervalMs, false);
    const { segmentPath } = scene.names;
    const kept: number[] = [];
    t.after(() => kept.forEach((descriptor) => closeSync(descriptor)));
    for (let count = times({ quick: 3, usual: 10, long: 200 }); count > 0; count--) {
      kept.push(openSync(segmentPath, "r"));
      rmSync(segmentPath);
      await scene.recovers();
    }
    for (const descriptor of kept) {
      const document = parseDocument(readFileSync(descriptor, "utf8").replace(/\0+$/, "")) as Record<string, unknown>;
      assert.deepEqual(Object.keys(document), [connectionKey("device")]);
      assert.partialDeepStrictEqual(document, { [connectionKey("device")]: { value: false } });
    }
    await scene.partition.end();
  },
});

function overwrite(path: string): void {
  const bytes = randomBytes(statSync(path).size);
  // Without O_TRUNC: the size stays.
  writeFileSync(path, bytes, { flag: "r+" });
}

function restoredBy(scene: ConsumerScene): number {
  return scene.partition.witness.health?.objectsRestored ?? 0;
}
