// The writing thread of a test: publishes one document by the handle that it was given.

import { parentPort, workerData } from "node:worker_threads";
import { openConsumerPair } from "../../packages/documents/src/consumer-pair.ts";
import type { ConsumerPairHandle } from "../../packages/documents/src/consumer-pair.ts";
import { publishGuarded } from "../../packages/documents/src/publish-guarded.ts";

const { segment, guard } = openConsumerPair(workerData as ConsumerPairHandle);
const outcome = await publishGuarded(segment, guard, new TextEncoder().encode("from a thread"));
guard.close();
parentPort?.postMessage(outcome.kind);
