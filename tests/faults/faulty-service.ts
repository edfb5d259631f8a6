// Entry of a service's worker thread whose calls to the system fail when the test says so; apart from that it is the service.

import { workerData } from "node:worker_threads";
import { injectFaults } from "../../packages/image/src/posix/libc.ts";
import { OrderedFault } from "./ordered-fault.ts";

const { memory, entry } = workerData as { readonly memory: SharedArrayBuffer; readonly entry: string };
injectFaults(new OrderedFault(memory).injector);
await import(entry);
