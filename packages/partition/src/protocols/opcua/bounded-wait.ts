// Waiting that always ends. node-opcua's own time-outs start at five seconds and leave a late answer without an addressee, so
// everything that depends on the other side is waited for under a timer of ours, shorter than the library's.

import { ServerError } from "../../sources/server-error.ts";

export interface WaitLimit {
  readonly server: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The outcome of `work`, or a ServerError: Timeout after `timeoutMs`, Stopped when the signal aborts. `what` completes
 * "cannot ...". The work itself goes on; whoever gives it up has to end its connection.
 */
export function boundedWait<T>(work: Promise<T>, what: string, limit: WaitLimit): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const { server, timeoutMs, signal } = limit;
    const onAbort = (): void => {
      settle();
      reject(new ServerError("Stopped", server, `cannot ${what} because it was stopped`));
    };
    const timer = setTimeout(() => {
      settle();
      reject(new ServerError("Timeout", server, `cannot ${what} because no answer came within ${timeoutMs} ms`));
    }, timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    work.finally(settle).then(resolve, reject);
  });
}

/** A node-style call as a promise. */
export function answerOf<T>(call: (callback: (error?: Error | null, answer?: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    call((error, answer) => {
      if (error) reject(error);
      else resolve(answer as T);
    });
  });
}
