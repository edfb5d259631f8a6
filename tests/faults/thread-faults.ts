// Faults inside the threads of the partition, by a module that is loaded before their own code (`--import`): a crash, an event loop that
// stands still, memory that fills up. The test says which thread and what by a file, as `modbus-crash`.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, threadName } from "node:worker_threads";

const lookMs = 5;
const isDocuments = process.argv[1]?.includes("documents-process") === true;
const name = isDocuments ? "documents" : isMainThread ? "main" : (threadName ?? "");
const folder = process.env["CPC_THREAD_FAULTS"] ?? "";

function block(forMs: number): void {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs);
}

const faults: Readonly<Record<string, (argument: string) => void>> = {
  /** Where a number is given, it stands still for so many milliseconds before. */
  crash: (argument) => {
    block(Number(argument));
    throw new TypeError("a fault of the test");
  },
  block: (argument) => block(Number(argument)),
  /** As the protocol library does it in a callback of its own. */
  library: () => {
    process.emitWarning("a warning of the test");
    const error = new TypeError("a fault of the library");
    error.stack =
      "TypeError: a fault of the library\n    at read (/srv/node_modules/node-opcua-transport/index.js:1:1)";
    throw error;
  },
  /** As a leak does it: a little at a time, and for ever. */
  fill: () => {
    const kept: unknown[] = [];
    setInterval(() => kept.push(Array.from({ length: 30_000 }, (_, index) => ({ index }))), 1).unref();
  },
};

/** A file that says "always" stays: whoever comes next meets the same. */
function look(): void {
  for (const [fault, happen] of Object.entries(faults)) {
    const file = join(folder, `${name}-${fault}`);
    if (!existsSync(file)) continue;
    const argument = readFileSync(file, "utf8");
    if (argument !== "always") rmSync(file);
    happen(argument);
  }
}

if (folder !== "") setInterval(look, lookMs).unref();
