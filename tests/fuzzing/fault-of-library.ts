// Tells what node-opcua throws by itself from what our own code throws, by the measure that the service uses.

import { uppermostCode } from "../../packages/partition/src/worker-thread/library-faults.ts";

export function isFaultOfNodeOpcUa(error: unknown): boolean {
  return error instanceof Error && uppermostCode(error.stack ?? "").includes("/node_modules/node-opcua-");
}
