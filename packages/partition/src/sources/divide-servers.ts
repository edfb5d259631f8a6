// Which thread reads which server of a service. A service has one thread until its work is more than one can be expected to do.
//
// Promises: servers that share a line (a connection) have the same thread, and a line keeps its thread as long as it is there, however the
// configuration changes, because another thread would have to connect anew.

/** What reading a server costs. */
export interface ServerDemand {
  /** What it shares with other servers: a connection. */
  readonly line: string;
  /** Publications. */
  readonly pollsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly valuesPerSecond: number;
  /** The part of a core that is expected to be busy with it. */
  readonly load: number;
}

/** Of a core, for the service's own thread, which publishes what another one has read: for a poll, and for each value. */
const takingPoll = 6e-6;
const takingValue = 0.09e-6;
/** What is planned for a thread: the rest is for bursts, for a start, and for processors that are slower than ours. */
const plannedShare = 0.6;
const mostThreads = 16;

function takingLoadOf({ pollsPerSecond, valuesPerSecond }: ServerDemand): number {
  return takingPoll * pollsPerSecond + takingValue * valuesPerSecond;
}

/** More threads than lines or processors help nobody. */
export function threadsFor(demands: readonly ServerDemand[], processors: number): number {
  const load = demands.reduce((sum, demand) => sum + demand.load, 0);
  return Math.max(1, Math.min(Math.ceil(load / plannedShare), linesOf(demands), processors, mostThreads));
}

function linesOf(demands: readonly ServerDemand[]): number {
  return new Set(demands.map(({ line }) => line)).size;
}

interface Divisible {
  /** Absent: it stays in the service's own thread. */
  readonly demand?: ServerDemand;
}

export class Division {
  readonly #threadsFor: (demands: readonly ServerDemand[]) => number;
  #threads = 1;
  #threadOfLine: ReadonlyMap<string, number> = new Map();

  /** `count`: so many threads, where there are lines for them; undefined: as many as the work needs. */
  constructor(count: number | undefined, processors: number) {
    this.#threadsFor = (demands) =>
      count === undefined ? threadsFor(demands, processors) : Math.min(count, linesOf(demands));
  }

  /** Threads are added by a larger configuration, not taken away by a smaller one. */
  get threads(): number {
    return this.#threads;
  }

  /** From 0, the service's own. */
  threadOf({ demand }: Divisible): number {
    return demand === undefined ? 0 : (this.#threadOfLine.get(demand.line) ?? 0);
  }

  /** These are the servers from now on. */
  update(servers: readonly Divisible[]): void {
    const demands = servers.flatMap(({ demand }) => demand ?? []);
    this.#threads = Math.max(this.#threads, this.#threadsFor(demands));
    const loads = Array.from({ length: this.#threads }, () => 0);
    const threadOfLine = new Map<string, number>();
    const lines = Array.from(
      Map.groupBy(demands, ({ line }) => line),
      ([line, own]) => ({
        line,
        load: own.reduce((sum, demand) => sum + demand.load, 0),
        takingLoad: own.reduce((sum, demand) => sum + takingLoadOf(demand), 0),
        before: this.#threadOfLine.get(line),
      }),
    );
    // What has its place comes first, then the largest: what is small fills the gaps.
    const isNew = ({ before }: (typeof lines)[number]): number => (before === undefined ? 1 : 0);
    for (const { line, load, takingLoad, before } of lines.toSorted((a, b) => isNew(a) - isNew(b) || b.load - a.load)) {
      const thread = before ?? loads.indexOf(Math.min(...loads));
      loads[thread] = (loads[thread] ?? 0) + load;
      if (thread > 0) loads[0] = (loads[0] ?? 0) + takingLoad;
      threadOfLine.set(line, thread);
    }
    this.#threadOfLine = threadOfLine;
  }
}
