// How commands of this program are written in messages, so that they can be pasted where they are read.

import { isJournal } from "./standard-error.ts";
import { userName } from "./user-name.ts";

/** A checkout runs its sources by a script of its package; what is installed, and the container, has `cpc` on its path. */
export const invocation = import.meta.url.endsWith(".ts") ? "npm run -s cpc --" : "cpc";

/** The same for what is to belong to the user of a service: root reads its journal. */
export function invocationOfService(): string {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (!isJournal(2) || uid === 0) return invocation;
  const name = userName();
  const asUser = name === undefined ? `setpriv --reuid ${uid} --regid ${gid} --clear-groups` : `runuser --user ${name}`;
  return `${asUser} -- ${invocation}`;
}
