// Live first: births, then every change as it comes. What cannot be live (nobody is connected, or the change is older than the birth) goes to
// the history.
//
// One turn: look at the servers, read the journals, publish, and only then publish births of servers that changed. So what came before a
// connection was lost is out before the host hears of the loss.

import { ImageError } from "@cpc-partition/image";
import { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { Log } from "@cpc-partition/process/log";
import { Troubles } from "@cpc-partition/process/troubles";
import type { FollowedChange, FollowedService, JournalPlace, Look } from "../observation/followed-service.ts";
import type { ServerBirth } from "../observation/observed-change.ts";
import { OutputError, type Session } from "../outputs/output.ts";
import type { ChangeFilter } from "./change-filter.ts";
import type { HistoryLane } from "./history-lane.ts";
import { JournalLog } from "./journal-log.ts";
import type { PositionsFile } from "./positions-file.ts";

const mostPerBatch = 4000;
/** A turn that has more to read gives the births a chance now and then. */
const mostBatchesPerTurn = 50;
const leastBetweenBirthsMs = 5000;

export class LiveLane {
  readonly #services: readonly FollowedService[];
  readonly #byName: ReadonlyMap<ServiceName, FollowedService>;
  readonly #filter: ChangeFilter<FollowedChange>;
  readonly #positions: PositionsFile;
  readonly #history: HistoryLane;
  readonly #journals: JournalLog;
  readonly #troubles: Troubles;
  #session: Session | undefined;
  #isBorn = false;
  #areBirthsWanted = false;
  #birthsMs = Number.NEGATIVE_INFINITY;
  #delivered = 0;

  constructor(
    services: readonly FollowedService[],
    filter: ChangeFilter<FollowedChange>,
    positions: PositionsFile,
    history: HistoryLane,
    log: Log,
  ) {
    this.#services = services;
    this.#byName = new Map(services.map((service) => [service.service, service]));
    this.#filter = filter;
    this.#positions = positions;
    this.#history = history;
    this.#journals = new JournalLog(log);
    this.#troubles = new Troubles(log);
  }

  /** Changes that the journals overwrote before they could be read. */
  get lost(): number {
    return this.#journals.lost;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** The host has births: history can follow. */
  get isBorn(): boolean {
    return this.#isBorn;
  }

  begin(session: Session): void {
    this.#session = session;
    this.#areBirthsWanted = false;
    this.#birthsMs = Number.NEGATIVE_INFINITY;
    this.#forget();
  }

  end(): void {
    this.#session = undefined;
    this.#forget();
  }

  /** Asked by the host; however often it asks, it gets them every five seconds at most. */
  wantBirths(): void {
    this.#areBirthsWanted = true;
  }

  async turn(signal: AbortSignal): Promise<void> {
    const looks = this.#services.map((service) => this.#look(service));
    for (const service of this.#services) await this.#followAll(service, signal);
    await this.#send(this.#filter.pass([], performance.now()));
    if (this.#session !== undefined) await this.#bear(this.#session, looks);
    this.#journals.tell();
  }

  /** What the filter holds back, at the end. */
  async flush(): Promise<void> {
    await this.#send(this.#filter.flush());
  }

  #look(service: FollowedService): Look {
    const look = this.#troubles.attempt("read", service.service, () => service.look()) ?? nothing;
    this.#journals.look(service, look);
    return look;
  }

  async #followAll(service: FollowedService, signal: AbortSignal): Promise<void> {
    for (let batch = 0; batch < mostBatchesPerTurn; batch++) {
      if (this.#isBorn && service.isFarBehind) {
        // The disk takes what the engine does not take in time: to its end the journal is history, and births follow.
        this.#journals.slow(service);
        this.#forget();
      }
      const followed = await this.#follow(service, signal);
      if (followed === undefined) return;
      const { changes, lost, isEnd, isBehindGap } = followed;
      if (isBehindGap) {
        this.#journals.gap(service, Number(lost));
        this.#areBirthsWanted = true;
      }
      const { place } = service;
      if (place === undefined || place === this.#positions.done(service.service)) return;
      const sent = this.#positions.sending(service.service);
      const repeats = sent === undefined ? 0 : changes.findLastIndex((change) => isUpTo(change, sent)) + 1;
      const nowMs = performance.now();
      if (changes.length > 0) this.#positions.markSending(service.service, place);
      if (repeats > 0) this.#history.keep(this.#filter.pass(changes.slice(0, repeats), nowMs), true);
      const fresh = this.#filter.pass(changes.slice(repeats), nowMs);
      await this.#send(fresh);
      this.#positions.markDone(service.service, place);
      // Who waits where a journal is being overwritten falls behind for good: a batch that an overrun cut short is followed by the next at once.
      if (isEnd) return;
    }
  }

  async #follow(service: FollowedService, signal: AbortSignal) {
    try {
      return await service.next(mostPerBatch, signal);
    } catch (error) {
      if (!isTroubleOfObject(error)) throw error;
      this.#troubles.attempt("read", service.journalName, () => {
        throw error;
      });
      return undefined;
    }
  }

  /** Resolves when every change has been taken or lies in the queue. */
  async #send(changes: readonly FollowedChange[]): Promise<void> {
    const session = this.#isBorn ? this.#session : undefined;
    const live: FollowedChange[] = [];
    const old: FollowedChange[] = [];
    for (const change of changes) {
      const isLive = session !== undefined && this.#byName.get(change.point.service)?.isLive(change) === true;
      (isLive ? live : old).push(change);
    }
    if (old.length > 0) this.#history.keep(old, false);
    if (session === undefined || live.length === 0) return;
    try {
      await session.publish({ kind: "live", isRepeat: false, changes: live });
      this.#delivered += live.length;
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      this.#history.keep(live, true);
      // The keeper hears of the end by itself; nothing more is sent until then.
      if (this.#session === session) this.end();
    }
  }

  async #bear(session: Session, looks: readonly Look[]): Promise<void> {
    const changed = this.#services.map((service, index) => service.changedSince(looks[index] ?? nothing));
    const isDue = performance.now() - this.#birthsMs >= leastBetweenBirthsMs;
    const isAll = !this.#isBorn || (this.#areBirthsWanted && isDue) || changed.includes("all");
    if (!isAll && changed.every((one) => one.length === 0)) return;
    const found = this.#services.map((service, index) => service.births(looks[index] ?? nothing));
    if (found.some((births) => births === undefined)) return;
    const births = found.flatMap((one, index) =>
      (one?.births ?? []).filter((_, server) => isAll || changed[index]?.includes(server as never) === true),
    );
    try {
      await session.publishBirths(
        births.flatMap((birth) => this.#chosen(birth)),
        isAll ? "all" : "changed",
      );
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      if (this.#session === session) this.end();
      return;
    }
    if (this.#session !== session) return;
    if (isAll) {
      this.#areBirthsWanted = false;
      this.#birthsMs = performance.now();
    }
    for (const [index, service] of this.#services.entries()) {
      const one = found[index];
      if (one !== undefined) service.markBorn(one, isAll ? "all" : (changed[index] ?? []));
    }
    for (const { values } of births) this.#filter.know(values);
    this.#isBorn = true;
  }

  /** A server without a chosen point is none for the host. */
  #chosen(birth: ServerBirth): readonly ServerBirth[] {
    const values = birth.values.filter(({ point }) => this.#filter.isWanted(point));
    return values.length === 0 ? [] : [{ ...birth, values }];
  }

  #forget(): void {
    this.#isBorn = false;
    for (const service of this.#services) service.markUnborn();
  }
}

const nothing: Look = { image: undefined, isConnected: [] };

function isUpTo(change: FollowedChange, place: JournalPlace): boolean {
  return change.run === place.run && change.sequence <= place.sequence;
}

function isTroubleOfObject(error: unknown): boolean {
  return error instanceof ImageError || error instanceof PosixError || error instanceof UnsuitableObjectError;
}
