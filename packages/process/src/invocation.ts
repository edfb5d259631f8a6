// How commands of this program are written in messages, so that they can be pasted where they are read.

import { userInfo } from "node:os";
import { isJournal } from "./standard-error.ts";

/** A checkout runs its sources by a script of its package; what is installed, and the container, has `cpc` on its path. */
export const invocation = import.meta.url.endsWith(".ts") ? "npm run -s cpc --" : "cpc";

/** The same for what is to belong to the user of a service: root reads its journal. */
export function invocationOfService(): string {
  return isJournal(2) && process.geteuid?.() !== 0
    ? `runuser --user ${userInfo().username} -- ${invocation}`
    : invocation;
}
