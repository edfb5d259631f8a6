// Real images in shared memory under a prefix of their own, with a writer in this process, and what the monitor sees of them.

import type { TestContext } from "node:test";
import { ObservedPartition } from "../../packages/monitor/src/observation/observed-partition.ts";
import type { ServerDescription } from "../../packages/image/src/directory.ts";
import { ownPrefix } from "../image/posix/own-objects.ts";
import { TestWriter } from "../readers/test-writer.ts";

/** `opcua_image` with these servers, of a writer that beats until it dies; every group was published once. */
export function observedPlant(t: TestContext, ...servers: readonly ServerDescription[]) {
  const prefix = ownPrefix(t);
  const writer = new TestWriter(servers, `${prefix}opcua_image`);
  const observed = new ObservedPartition(prefix);
  const beat = setInterval(() => writer.image.beat(), 1000).unref();
  let isThere = true;
  const die = (): void => {
    clearInterval(beat);
    if (isThere) writer[Symbol.dispose]();
    isThere = false;
  };
  t.after(() => {
    observed[Symbol.dispose]();
    die();
  });
  for (const index of writer.image.directory.groups.keys()) writer.publish(index);
  writer.image.beat();
  return { prefix, writer, observed, die };
}
