// The life of one server: connect, poll on the grid, and after a loss try again on its own schedule. Whatever this server does,
// no other loop waits for it, and what it leaves in the image never looks better than it is.

import type { Log } from "@cpc-partition/process/log";
import type { ServerClient } from "./server-client.ts";
import { ServerError } from "./server-error.ts";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ConnectionState } from "@cpc-partition/image/layout";
import type { GroupBlock } from "@cpc-partition/image/group-block";
import type { ServerBlock, SourceState } from "@cpc-partition/image/server-block";
import type { PollsInFlight } from "./polls-in-flight.ts";
import { Alarm, type Grid, type MonotonicClock } from "@cpc-partition/process/schedule";

/** A connection that had worked is tried again soon: most losses are a device that restarts or drops idle connections. */
const quickRetryMs = 1000;
/** How often a server that waits for its next attempt is asked whether the reason of its refusal is gone. */
const lookAgainMs = 1000;
/** Different failures told in one outage; `status` shows the latest in any case. */
const mostTold = 20;

export interface LoopSurroundings {
  readonly grid: Grid;
  readonly clock: MonotonicClock;
  readonly pollsInFlight: PollsInFlight;
  readonly log: Log;
  /** Called when the server came or went: worth a document before the next tick. */
  readonly changed: () => void;
}

export class ServerLoop {
  readonly #client: ServerClient;
  readonly #block: ServerBlock;
  readonly #around: LoopSurroundings;
  readonly #stop = new AbortController();
  /** Ends the pause between two polls. */
  readonly #nextPoll = new Alarm();
  /** Ends the pause before the next attempt to connect: new room in the image is no reason for that. */
  readonly #nextAttempt = new Alarm();
  /** Failures that the log knows, until the server is connected again. */
  readonly #told = new Set<string>();
  /** The last poll had values that were cut, or whose key was not known; they are shown as soon as they could be read again. */
  #waitsForRoom = false;
  #started: Promise<void> | undefined;

  /** `started`: a first connection attempt that is under way already. */
  constructor(client: ServerClient, block: ServerBlock, around: LoopSurroundings, started?: Promise<void>) {
    this.#client = client;
    this.#block = block;
    this.#around = around;
    this.#started = started;
  }

  /** Ends after `stop`, when the connection is closed. Never rejects. */
  async run(): Promise<void> {
    if (!this.#stop.signal.aborted) this.#show(ConnectionState.connecting);
    while (!this.#stop.signal.aborted) {
      let connectedAtMs: number | undefined;
      try {
        await (this.#started ?? this.#client.connect(this.#stop.signal));
        connectedAtMs = this.#around.clock();
        await this.#pollWhileConnected();
      } catch (error) {
        this.#lost(error, connectedAtMs !== undefined);
      }
      this.#started = undefined;
      await this.#client.disconnect();
      if (this.#stop.signal.aborted) break;
      await this.#waitForAttempt(this.#retryPauseMs(connectedAtMs));
    }
  }

  /** Shows the server as not connected at once; `run` then closes the connection and ends. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#nextPoll.ring();
    this.#nextAttempt.ring();
    this.#show(ConnectionState.stopped, StatusCode.BadShutdown);
  }

  /** There is a new generation of the image: values that were cut are read again at once. */
  roomMade(): void {
    if (this.#waitsForRoom) this.#nextPoll.ring();
  }

  async #pollWhileConnected(): Promise<void> {
    const { grid, clock, pollsInFlight } = this.#around;
    this.#block.count("connects");
    let tick = grid.after(clock());
    let isFirst = true;
    while (!this.#stop.signal.aborted) {
      const startMs = clock();
      pollsInFlight.begin(this);
      try {
        this.#group.begin();
        await this.#client.poll(this.#group, this.#stop.signal);
      } finally {
        pollsInFlight.end(this);
      }
      if (this.#stop.signal.aborted) return;
      this.#block.show(this.#state(ConnectionState.connected));
      this.#group.publish(ConnectionState.connected, clock() - startMs);
      if (isFirst) this.#connected();
      isFirst = false;
      const wantsRenewal = this.#group.wantsRoom || this.#group.isWithholding;
      if (this.#waitsForRoom || wantsRenewal) this.#around.changed();
      this.#waitsForRoom = wantsRenewal;
      const nowMs = clock();
      // A timer may fire a little before its time: the tick it was for is over all the same.
      const next = Math.max(tick, grid.after(nowMs));
      if (next > tick) this.#group.count("overruns", BigInt(next - tick));
      const isEarly = await this.#nextPoll.wait(grid.instantMs(next) - nowMs);
      tick = isEarly ? next : next + 1;
    }
  }

  /** Shorter when what the server or we refused may be accepted now. */
  async #waitForAttempt(pauseMs: number): Promise<void> {
    const { clock } = this.#around;
    const endMs = clock() + pauseMs;
    for (let restMs = pauseMs; restMs > 0; restMs = endMs - clock()) {
      const isWatching = this.#client.isWorthRetrying !== undefined;
      if (await this.#nextAttempt.wait(isWatching ? Math.min(lookAgainMs, restMs) : restMs)) return;
      if (this.#client.isWorthRetrying === true) return;
    }
  }

  #retryPauseMs(connectedAtMs: number | undefined): number {
    const { retryIntervalMs } = this.#client;
    const lasted = connectedAtMs === undefined ? 0 : this.#around.clock() - connectedAtMs;
    return lasted > retryIntervalMs ? Math.min(quickRetryMs, retryIntervalMs) : retryIntervalMs;
  }

  #connected(): void {
    this.#around.log("info", "connected", { server: this.#client.alias });
    this.#told.clear();
    this.#around.changed();
  }

  #lost(error: unknown, wasConnected: boolean): void {
    if (this.#stop.signal.aborted) return;
    this.#waitsForRoom = false;
    const code = error instanceof ServerError ? error.code : "ProtocolViolation";
    const message = error instanceof Error ? error.message : String(error);
    this.#block.countFailure(code);
    this.#show(ConnectionState.lost, StatusCode.BadNoCommunication, message);
    this.#around.changed();
    // What was told since the server was connected last is counted, not told again, even when two texts take turns.
    if (this.#told.has(message) || this.#told.size >= mostTold) return;
    this.#told.add(message);
    const retryMs = this.#client.retryIntervalMs;
    this.#around.log("warn", wasConnected ? `connection lost: ${message}` : message, {
      server: this.#client.alias,
      code,
      retryMs,
    });
    if (!(error instanceof ServerError) && error instanceof Error) {
      this.#around.log("error", "unexpected error in a client", { server: this.#client.alias, stack: error.stack });
    }
  }

  get #group(): GroupBlock {
    const [group] = this.#block.groups;
    if (group === undefined) throw new TypeError(`the server ${this.#client.alias} has no group of points`);
    return group;
  }

  #state(connection: ConnectionState): SourceState {
    const { certificateEndsMs, ownCertificateEndsMs, requestLimit = 0 } = this.#client;
    return { connection, certificateEndsMs, ownCertificateEndsMs, requestLimit };
  }

  #show(connection: ConnectionState, status?: number, error?: string): void {
    const state = this.#state(connection);
    this.#block.showEverywhere(error === undefined ? state : { ...state, error }, status);
  }
}
