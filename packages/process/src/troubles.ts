// What cannot be done at present: each trouble is logged once, until it is over or has another reason.

import { writingTrouble } from "@cpc-partition/process/file-trouble";
import type { Log } from "@cpc-partition/process/log";

export class Troubles {
  readonly #log: Log;
  /** By what was to be done, with the reason that the log knows. */
  readonly #known = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The step's result; undefined when it failed, which is logged. */
  attempt<Result>(what: string, object: string, step: () => Result): Result | undefined {
    const trouble = `${what} ${object}`;
    try {
      const result = step();
      this.#known.delete(trouble);
      return result;
    } catch (error) {
      const reason = isOfSystem(error) ? `cannot ${trouble} because ${writingTrouble(error, object)}` : reasonOf(error);
      if (this.#known.get(trouble) !== reason) this.#log("error", reason, { object });
      this.#known.set(trouble, reason);
      return undefined;
    }
  }
}

/** What the runtime throws for a call on a file; those of shared memory say themselves what failed. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "errno" in error && "syscall" in error;
}

/** An error with a code of ours has a message for whoever runs this; of any other, the place where it came from is what helps. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? error.message : (error.stack ?? error.message);
}
