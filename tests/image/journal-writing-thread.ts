// The writer of tests in which a reader of a journal looks on: records whose text is made from their number, without a pause.

import { parentPort, workerData } from "node:worker_threads";
import { JournalWriter } from "../../packages/image/src/journal-writer.ts";
import { record } from "../../packages/image/src/layout.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { checksumOf } from "./journal-pattern.ts";

const { memory, stop } = workerData as { readonly memory: SharedArrayBuffer; readonly stop: Int32Array };
const writer = new JournalWriter(memory, "modbus", 1n);
writer.begin(0, 1, 0, 0);
parentPort?.postMessage("ready");
const source = new Uint32Array(64);
const bytes = Buffer.from(source.buffer);
const textBytes = 32;
source[record.value / 4] = textBytes;
source[record.value / 4 + 1] = 1;
source[record.type / 4] = BuiltInType.String;
for (let number = 0; Atomics.load(stop, 0) === 0; number = (number + 1) % 1_000_000) {
  bytes.write(checksumOf(number), record.bytes);
  writer.append(number, source, 0, record.bytes, textBytes);
  if (number % 10 === 0) writer.commit();
}
