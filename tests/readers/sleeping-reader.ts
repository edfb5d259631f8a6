// A reader in a thread of its own that sleeps until something is published, again and again, and counts what it saw.

import { workerData } from "node:worker_threads";
import { OpenedImage } from "../../packages/image/src/reader.ts";

/** `counts`: for each reader how often it looked, and how often there was news; then whether to go on: 0. */
const { name, counts, place, lookAgainMs } = workerData as {
  readonly name: string;
  readonly counts: Int32Array<SharedArrayBuffer>;
  readonly place: number;
  readonly lookAgainMs: number;
};

class CountingImage extends OpenedImage {
  override current(): ReturnType<OpenedImage["current"]> {
    Atomics.add(counts, 2 * place, 1);
    return super.current();
  }
}

using image = new CountingImage(name, lookAgainMs);
while (Atomics.load(counts, counts.length - 1) === 0)
  if (image.waitForPublish(lookAgainMs)) Atomics.add(counts, 2 * place + 1, 1);
