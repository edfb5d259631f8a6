// One poll over all unit ids of a server: who is asked when, and when waiting for the silent ones has taken too long.

import type { PointSink } from "@cpc-partition/image/point-sink";
import type { Exchange } from "../connection/exchange.ts";
import type { UnitReader } from "./unit-reader.ts";

/**
 * What was read in the poll before looks good until this one ends, so no poll waits in vain more often: once for a dead unit id,
 * twice to see that the connection is dead.
 */
const MOST_TIMEOUTS = 2;

export interface PollRound {
  readonly exchange: Exchange;
  readonly sink: PointSink;
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
  /** An earlier poll of this connection has brought values, which get old while this one waits. */
  readonly hasValues: boolean;
}

/**
 * First those of whom nobody knows whether they answer, until one costs a time-out; then all who do. What was read before a
 * time-out is old after it, and read again. Who was not read in time is bad. False: somebody was asked, and nobody answered.
 */
export async function readUnits(units: readonly UnitReader[], round: PollRound): Promise<boolean> {
  const { exchange, sink, clock, hasValues } = round;
  const startMs = clock();
  const fresh = new Set<UnitReader>();
  let timeouts = 0;
  let answered = false;
  const read = async (unit: UnitReader): Promise<void> => {
    const outcome = await unit.read(exchange, sink, clock);
    if (outcome === "answered" || outcome === "partly") answered = true;
    if (outcome === "silent" || outcome === "partly") {
      timeouts++;
      fresh.clear();
    } else fresh.add(unit);
  };
  // Before the first values, nothing gets old by waiting until somebody has answered.
  const isTooLong = (): boolean => timeouts >= MOST_TIMEOUTS && (answered || hasValues);

  for (const unit of doubtful(units, startMs)) {
    const wasDemoted = unit.demotedUntilMs !== undefined;
    await read(unit);
    const hasNeighbours = answered || units.some(({ isAnswering }) => isAnswering);
    if (isTooLong() || (hasNeighbours && (timeouts > 0 || wasDemoted))) break;
  }
  for (let place = 0; place < units.length && !isTooLong(); place++) {
    const unit = units[place];
    if (unit?.isAnswering !== true || fresh.has(unit)) continue;
    const timeoutsBefore = timeouts;
    await read(unit);
    if (timeouts > timeoutsBefore) place = -1;
  }
  if (timeouts > 0 && !answered) return false;
  for (const unit of units) {
    if (unit.demotedUntilMs !== undefined) unit.markDemoted(sink);
    else if (!fresh.has(unit)) unit.markSkipped(sink);
  }
  return true;
}

/** Those who have not been asked yet, then those whose time has come, the longest waiting first. */
function doubtful(units: readonly UnitReader[], nowMs: number): readonly UnitReader[] {
  return units
    .filter((unit) => !unit.isAnswering && dueMsOf(unit) <= nowMs)
    .toSorted((a, b) => dueMsOf(a) - dueMsOf(b));
}

/** When a unit id is to be asked: at once unless it is demoted. */
function dueMsOf(unit: UnitReader): number {
  return unit.demotedUntilMs ?? -Infinity;
}
