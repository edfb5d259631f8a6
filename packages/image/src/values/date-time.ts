// A DateTime as JavaScript's Date: OPC 10000-6, 5.2.2.5.

const unixEpochMs = 11_644_473_600_000;
/** From here on the standard means "as late as can be". */
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The instant of 100 ns ticks since 1601-01-01 UTC, to the millisecond: 1601-01-01 for what lies before, 9999-12-31T23:59:59Z for what lies behind. */
export function dateOf(ticks: bigint): Date {
  const ms = Number(ticks / 10_000n) - unixEpochMs;
  return new Date(Math.min(Math.max(ms, -unixEpochMs), lastMs));
}
