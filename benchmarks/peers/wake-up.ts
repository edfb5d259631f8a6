// The same as wake-up.c in Node, in a thread that may block: wake-up.ts IMAGE COUNT.

import { OpenedImage } from "../../packages/image/src/reader.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";

const [name = "", count = ""] = process.argv.slice(2);
using image = new OpenedImage(name);
const snapshot = image.current()?.reusableSnapshot(0);
if (snapshot === undefined) throw new TypeError(`there is no image ${name}`);
image.waitForPublish(0);
process.stdout.write("ready\n");
const wakeUs: number[] = [];
const copyUs: number[] = [];
while (wakeUs.length < Number(count)) {
  if (!image.waitForPublish(10_000)) throw new TypeError("nothing was published");
  const woken = Number(process.hrtime.bigint());
  if (!snapshot.refresh()) throw new TypeError("the writer is too fast");
  const copied = Number(process.hrtime.bigint());
  wakeUs.push((woken - snapshot.number(0, BuiltInType.Double)) / 1000);
  copyUs.push((copied - woken) / 1000);
}
process.stdout.write(`${JSON.stringify({ wakeUs, copyUs })}\n`);
