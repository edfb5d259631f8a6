// Says of every value that a soak has seen whether it may look as it does, and of every value that was due whether it came. Pure.
//
// Wrong as good: it belongs to another point, comes from the future, is older than the bound, stands under a connection that is lost, or the
// server answered with an error. Due: every point of every server at each instant of its interval, unless an injected outage and the recovery
// after it overlap the time until the next instant. Delivered: good, or bad because the server said so.
// Not promised: that a poll is known by anything but its time. The instants' phase is taken from the polls seen before `begin`.

import { birthOf } from "../faults/born-value.ts";

/** One publication of one server. */
export interface Publication {
  readonly server: string;
  readonly seenAtMs: number;
  /** As the image tells it. */
  readonly publishedMs: number;
  readonly isConnected: boolean;
  readonly cycle: number;
  /** In order; null for a point that does not look good. */
  readonly values: readonly (number | null)[];
}

export interface JudgedServer {
  readonly alias: string;
  /** Servers of one service poll at the same instants. */
  readonly service: string;
  readonly firstPlace: number;
  readonly points: number;
  readonly intervalMs: number;
  readonly oldestGoodMs: number;
  /** How long after an outage its values may be missing. */
  readonly recoveryMs: number;
}

/** The server answered with an error for these points. */
export interface InjectedError {
  readonly server: string;
  readonly atMs: number;
  readonly points: readonly number[];
}

export interface Verdict {
  due: number;
  delivered: number;
  /** Of the delivered ones: bad, as the server said. */
  errorsShown: number;
  excused: number;
  judged: number;
  wrongAsGood: number;
  oldestGoodMs: number;
  readonly wrong: string[];
  readonly missing: string[];
  readonly recoveriesMs: number[];
}

interface Outage {
  readonly fromMs: number;
  /** The server works again; Infinity: not yet. */
  backMs: number;
  /** Until then its values may be missing. */
  toMs: number;
  isOver: boolean;
}

interface Delivery {
  readonly publication: Publication;
  readonly explained: Set<number>;
}

interface Case {
  readonly server: JudgedServer;
  cycle: number;
  /** The time of the oldest value that looks good now; undefined: none does. */
  oldestBirthMs: number | undefined;
  deliveries: Delivery[];
  outages: Outage[];
  errors: InjectedError[];
  nextInstantMs: number;
}

/** Clocks of two processes of one machine are the same; the time within a millisecond is not in the value. */
const futureMs = 2;
/** What comes from several processes may come in any order for so long. */
const lagMs = 15_000;
/** A timer may fire early, and the phase is known to so much. */
const earlyMs = 100;
const phaseBinMs = 20;
const mostTold = 50;

/** Why a value must not look good; undefined: it may. */
export function faultOf(value: number, place: number, seenAtMs: number, oldestGoodMs: number): string | undefined {
  const birth = birthOf(value);
  if (birth.place !== place) return `has the value of p${birth.place}`;
  const ageMs = seenAtMs - birth.atMs;
  if (ageMs < -futureMs) return `is ${-ageMs} ms from the future`;
  return ageMs > oldestGoodMs ? `looks good and is ${ageMs} ms old` : undefined;
}

export class Judge {
  readonly verdict: Verdict = {
    due: 0,
    delivered: 0,
    errorsShown: 0,
    excused: 0,
    judged: 0,
    wrongAsGood: 0,
    oldestGoodMs: 0,
    wrong: [],
    missing: [],
    recoveriesMs: [],
  };
  readonly #cases: ReadonlyMap<string, Case>;
  #hasBegun = false;

  constructor(servers: readonly JudgedServer[]) {
    this.#cases = new Map(
      servers.map((server) => [
        server.alias,
        { server, cycle: 0, oldestBirthMs: undefined, deliveries: [], outages: [], errors: [], nextInstantMs: 0 },
      ]),
    );
  }

  publication(publication: Publication): void {
    const own = this.#case(publication.server);
    const { server } = own;
    const { seenAtMs, publishedMs, isConnected, cycle, values } = publication;
    this.#judgeAge(own, seenAtMs);
    own.oldestBirthMs = undefined;
    for (const [point, value] of values.entries()) {
      if (value === null) continue;
      this.verdict.judged++;
      const place = server.firstPlace + point;
      const fault = isConnected
        ? faultOf(value, place, seenAtMs, server.oldestGoodMs)
        : "looks good without a connection";
      if (fault !== undefined) this.wrong(seenAtMs, `p${place} of ${server.alias} ${fault}`);
      else own.oldestBirthMs = Math.min(own.oldestBirthMs ?? Infinity, birthOf(value).atMs);
    }
    if (!isConnected || cycle === own.cycle) return;
    own.cycle = cycle;
    own.deliveries.push({ publication, explained: new Set() });
    for (const outage of own.outages) {
      if (outage.isOver || publishedMs < outage.backMs) continue;
      outage.isOver = true;
      this.verdict.recoveriesMs.push(publishedMs - outage.backMs);
    }
  }

  /** What looks good now ages, whether or not anything is published. */
  look(nowMs: number): void {
    for (const own of this.#cases.values()) this.#judgeAge(own, nowMs);
  }

  /** From now on the server does not work. Call the result when it does again: its values may be missing for the time of its recovery. */
  outage(alias: string, fromMs: number): (backMs: number) => void {
    const { outages, server } = this.#case(alias);
    const outage = { fromMs, backMs: Infinity, toMs: Infinity, isOver: false };
    outages.push(outage);
    return (backMs) => {
      outage.backMs = backMs;
      outage.toMs = backMs + server.recoveryMs;
    };
  }

  injected(error: InjectedError): void {
    this.#case(error.server).errors.push(error);
  }

  /** A promise that was broken, by whatever was seen. */
  wrong(atMs: number, what: string): void {
    this.verdict.wrongAsGood++;
    tell(this.verdict.wrong, atMs, what);
  }

  /** From the next instant on values are due. */
  begin(nowMs: number): void {
    this.#hasBegun = true;
    for (const [service, cases] of Map.groupBy(this.#cases.values(), ({ server }) => server.service)) {
      const seen = cases.flatMap(({ deliveries }) => deliveries.map(({ publication }) => publication.publishedMs));
      for (const own of cases) {
        const { intervalMs } = own.server;
        const phaseMs = phaseOf(seen, intervalMs);
        if (phaseMs === undefined) throw new RangeError(`cannot judge ${service} because it has polled nothing yet`);
        own.nextInstantMs = Math.ceil((nowMs - phaseMs) / intervalMs) * intervalMs + phaseMs;
        own.deliveries = [];
        own.errors = [];
      }
    }
  }

  /** Counts the instants that are long enough ago; all up to now when nothing more will come. */
  settle(nowMs: number, isLast = false): void {
    if (!this.#hasBegun) return;
    const untilMs = isLast ? nowMs : nowMs - lagMs;
    for (const own of this.#cases.values()) {
      this.#explain(own, untilMs);
      const { intervalMs } = own.server;
      for (; own.nextInstantMs + intervalMs <= untilMs; own.nextInstantMs += intervalMs) this.#count(own);
      own.deliveries = own.deliveries.filter(({ publication }) => publication.publishedMs >= own.nextInstantMs);
      own.outages = own.outages.filter(({ toMs }) => toMs > own.nextInstantMs - lagMs);
    }
  }

  /** What became of the points that the server answered with an error: the first poll that ended after that shows them bad. */
  #explain(own: Case, untilMs: number): void {
    const ripe = own.errors.filter(({ atMs }) => atMs < untilMs);
    own.errors = own.errors.filter(({ atMs }) => atMs >= untilMs);
    for (const { atMs, points } of ripe) {
      const isGood = ({ publication }: Delivery): boolean => points.some((point) => publication.values[point] !== null);
      // One that ended within the same millisecond may be the poll before.
      const poll = own.deliveries.find(
        (delivery) =>
          delivery.publication.publishedMs >= atMs &&
          !(delivery.publication.publishedMs < atMs + 1 && isGood(delivery)),
      );
      if (poll === undefined) continue;
      if (isGood(poll) && !isExcused(own, atMs, poll.publication.publishedMs))
        this.wrong(atMs, `points ${points.join()} of ${own.server.alias} look good, and the server answered an error`);
      for (const point of points) poll.explained.add(point);
    }
  }

  #count(own: Case): void {
    const { verdict } = this;
    const { alias, points, intervalMs } = own.server;
    const fromMs = own.nextInstantMs;
    const toMs = fromMs + intervalMs;
    if (isExcused(own, fromMs, toMs)) {
      verdict.excused += points;
      return;
    }
    const polls = own.deliveries.filter(
      ({ publication: { publishedMs } }) => publishedMs >= fromMs && publishedMs < toMs,
    );
    if (polls.length === 0) {
      verdict.due += points;
      tell(verdict.missing, fromMs, `no poll of ${alias}`);
    }
    for (const { publication, explained } of polls) {
      verdict.due += points;
      const bad = publication.values.flatMap((value, point) => (value === null ? [point] : []));
      const unexplained = bad.filter((point) => !explained.has(point));
      verdict.errorsShown += bad.length - unexplained.length;
      verdict.delivered += points - unexplained.length;
      if (unexplained.length > 0) tell(verdict.missing, fromMs, `bad points ${unexplained.join()} of ${alias}`);
    }
  }

  #judgeAge(own: Case, nowMs: number): void {
    const { oldestBirthMs, server } = own;
    if (oldestBirthMs === undefined) return;
    const ageMs = nowMs - oldestBirthMs;
    this.verdict.oldestGoodMs = Math.max(this.verdict.oldestGoodMs, ageMs);
    if (ageMs <= server.oldestGoodMs) return;
    this.wrong(nowMs, `${server.alias} looks good with values ${ageMs} ms old`);
    own.oldestBirthMs = undefined; // once for each
  }

  #case(alias: string): Case {
    const own = this.#cases.get(alias);
    if (own === undefined) throw new RangeError(`no server ${alias}`);
    return own;
  }
}

function isExcused({ outages }: Case, fromMs: number, toMs: number): boolean {
  return outages.some((outage) => outage.fromMs <= toMs && outage.toMs >= fromMs);
}

/** Where within the interval polls end, less what they may be early: most of them end soon after the instant. */
function phaseOf(timesMs: readonly number[], intervalMs: number): number | undefined {
  const bins = Map.groupBy(timesMs, (timeMs) => Math.floor((timeMs % intervalMs) / phaseBinMs));
  const fullest = [...bins].toSorted(([, a], [, b]) => b.length - a.length)[0];
  return fullest && fullest[0] * phaseBinMs - earlyMs;
}

function tell(list: string[], atMs: number, what: string): void {
  if (list.length < mostTold) list.push(`${new Date(atMs).toISOString()} ${what}`);
}
