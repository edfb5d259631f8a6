// A thread that gives up listening, for good: from then on the kernel refuses to bind a TCP socket in it, and in every thread and process that
// it starts. Whoever takes such a thread over (a library gone wrong, an exploit in JavaScript) opens no door to the plant's network.
//
// Landlock, Documentation/userspace-api/landlock.rst; networks since its version 4, Linux 6.7. It holds for the thread that calls, so that
// other threads of the process, and what they start, are as before. Not: UDP, sockets of the file system, and code that writes to memory of
// other threads.

import { errno, PosixError } from "./errno.ts";
import { libc } from "./libc.ts";

/** The same numbers on every architecture. */
const landlockCreateRuleset = 444;
const landlockRestrictSelf = 446;
const askForVersion = 1;
const firstVersionWithNetworks = 4;
/** struct landlock_ruleset_attr: which rights need a rule from now on. There will be no rule. */
const rulesetBytes = 16;
const handledNetworksIndex = 1;
const bindTcp = 1n;
const setNoNewPrivileges = 38;

/** False where the kernel cannot: it is too old, or has Landlock switched off. Throws a PosixError when it could and refuses. */
export function giveUpListening(): boolean {
  const version = libc.landlock_create_ruleset(landlockCreateRuleset, null, 0, askForVersion);
  if (version === -errno.ENOSYS || version === -errno.EOPNOTSUPP) return false;
  need("landlock_create_ruleset", () => version);
  if (version < firstVersionWithNetworks) return false;
  const ruleset = new BigUint64Array(rulesetBytes / 8);
  ruleset[handledNetworksIndex] = bindTcp;
  const bytes = new Uint8Array(ruleset.buffer);
  const descriptor = need("landlock_create_ruleset", () =>
    libc.landlock_create_ruleset(landlockCreateRuleset, bytes, bytes.length, 0),
  );
  try {
    // Without it only root may restrict itself.
    need("prctl", () => libc.prctl(setNoNewPrivileges, 1, 0, 0, 0));
    need("landlock_restrict_self", () => libc.landlock_restrict_self(landlockRestrictSelf, descriptor, 0));
  } finally {
    libc.close(descriptor);
  }
  return true;
}

function need(syscall: string, call: () => number): number {
  const result = call();
  if (result < 0) throw new PosixError("keep from listening", "this thread", syscall, result);
  return result;
}
