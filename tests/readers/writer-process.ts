// A writer in a process of its own, to be killed: publishes the pattern as fast as it can, with every poll another round.

import { setImmediate } from "node:timers/promises";
import { numbersServer } from "./every-type.ts";
import { TestWriter } from "./test-writer.ts";
import { setPattern } from "./torn-pattern.ts";

using writer = new TestWriter([numbersServer("pattern", 200)], process.argv[2] ?? "");
let round = 0;
const publish = (): void => writer.publish(0, (block) => setPattern(block, ++round));
publish();
process.send?.("ready");
process.once("disconnect", () => {
  writer[Symbol.dispose]();
  process.exit();
});
for (;;) {
  for (let n = 0; n < 5000; n++) publish();
  writer.image.beat();
  await setImmediate();
}
