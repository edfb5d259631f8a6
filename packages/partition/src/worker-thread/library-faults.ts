// What a protocol library throws where nobody can catch it: in the callback of a socket or a timer of its own. A server that sends
// nonsense can provoke that, and it would end the thread with the connections to all the others.
//
// Promises: such a fault is told and survived; the connection it belongs to ends by its own time-out, as every wait for a server does.
// A fault whose uppermost line of code is ours ends the thread, which is then started again. Not for a thread that others own.

import type { Log } from "@cpc-partition/process/log";

/** A fault at the same place is told again after this time. */
const tellAgainMs = 60 * 60 * 1000;

/** `packages`: how the paths of the library's files go on after `/node_modules/`. */
export function surviveFaultsOf(packages: string, log: Log): void {
  const toldAtMs = new Map<string, number>();
  process.on("uncaughtException", (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    const place = uppermostCode(stack);
    if (!place.includes(`/node_modules/${packages}`)) {
      // The runtime does not say so where a handler throws: what the thread has open would stay open.
      process.emit("exit", 1);
      throw error;
    }
    const nowMs = performance.now();
    if (nowMs - (toldAtMs.get(place) ?? -Infinity) < tellAgainMs) return;
    toldAtMs.set(place, nowMs);
    log("error", "a server sent what the protocol library cannot cope with; its connection will time out", { stack });
  });
}

/** The first line of a stack that is not the runtime's own. */
export function uppermostCode(stack: string): string {
  return stack.split("\n").find((line) => /^\s+at /.test(line) && !line.includes("node:")) ?? "";
}
