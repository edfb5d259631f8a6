// Sleeping on a 32-bit word of shared memory, and waking those who sleep: futex(2).
//
// The operations are the shared ones (no FUTEX_PRIVATE_FLAG), so they work between processes and on read-only mappings.
// `waitOnWord` blocks the whole thread: it is for readers in a thread of their own and for tests, never for a service. `waitOnWordLater`
// blocks none of ours, and is for the main thread of a process.

import { errno, PosixError } from "./errno.ts";
import { libc } from "./libc.ts";
import type { Mapping } from "./mapping.ts";

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const everybody = 0x7fffffff;

/** asm/unistd.h; the newer architectures share one table. */
const systemCallNumbers: Readonly<Record<string, number>> = { x64: 202, arm64: 98, riscv64: 98, loong64: 98 };
const SYS_futex = systemCallNumbers[process.arch] ?? -1;

/** `NotEqual`: the word had another value already, so there was nothing to wait for. */
export type WaitOutcome = "Woken" | "NotEqual" | "TimedOut";

/** Wakes threads, of whatever process, that sleep on the word, `most` of them; how many. `offset` is in bytes, a multiple of 4. */
export function wakeSleepers(mapping: Mapping, offset: number, most = everybody): number {
  const result = libc.futex(SYS_futex, wordAddress(mapping, offset), FUTEX_WAKE, most, null, null, 0);
  if (result < 0) throw new PosixError("wake the readers of", mapping.name, "futex", result);
  return result;
}

/**
 * Sleeps while the word has the expected value, up to the time-out (monotonic). "Woken" may also be a false alarm (a signal):
 * look at the word again.
 */
export function waitOnWord(mapping: Mapping, offset: number, expected: number, timeoutMs: number): WaitOutcome {
  const timeout = timespec(timeoutMs);
  const result = libc.futex(SYS_futex, wordAddress(mapping, offset), FUTEX_WAIT, expected >>> 0, timeout, null, 0);
  if (result === -errno.EAGAIN) return "NotEqual";
  if (result === -errno.ETIMEDOUT) return "TimedOut";
  if (result < 0 && result !== -errno.EINTR) throw new PosixError("wait on", mapping.name, "futex", result);
  return "Woken";
}

/**
 * Sleeps as `waitOnWord` does, in a thread of the runtime's pool. How it ended is not known: look at the word. The memory may be unmapped
 * meanwhile; then nobody ends the sleep but the time-out.
 */
export function waitOnWordLater(
  mapping: Mapping,
  offset: number,
  expected: number,
  timeoutMs: number,
): Promise<unknown> {
  const word = wordAddress(mapping, offset);
  return libc.futexLater(SYS_futex, word, FUTEX_WAIT, expected >>> 0, timespec(timeoutMs), null, 0);
}

function wordAddress(mapping: Mapping, offset: number): bigint {
  return mapping.address + BigInt(offset);
}

/** struct timespec of 64-bit machines: seconds and nanoseconds, 8 bytes each. */
function timespec(durationMs: number): BigInt64Array {
  const durationNs = BigInt(Math.max(0, Math.round(durationMs * 1e6)));
  return BigInt64Array.of(durationNs / 1_000_000_000n, durationNs % 1_000_000_000n);
}
