// What the log says of one server's connection. A connection that comes and goes for days must not fill the log: what was said is counted, and
// a server that is lost again and again is reported as that, with the count and since when, at ever longer distances. One that stays away is
// recalled once a day, since whoever looks at the log of today does not see the record of last week.
//
// Promises: the first losses are logged one by one, each with its reason; a reason that is new is always logged, twenty between two calm times;
// the records about n losses are as many as n has binary digits. `status` and the image show the present state in any case.

import { ageText } from "@cpc-partition/process/age-text";
import type { Log } from "@cpc-partition/process/log";
import type { MonotonicClock } from "@cpc-partition/process/schedule";
import { ServerError } from "./server-error.ts";

/** A connection that held this long, or was gone this long, comes and goes no more. */
export const calmMs = 600_000;
/** From so many losses on, without a calm time between them, a connection comes and goes. */
export const fewLosses = 5;
const mostReasons = 20;
/** From one record about an outage to the next. */
export const reminderMs = 86_400_000;

interface Losses {
  count: number;
  /** The count that is reported next. */
  reportAt: number;
  readonly since: string;
}

/** From a loss, or a first attempt in vain, until the server answers. */
interface Outage {
  readonly since: string;
  readonly sinceMs: number;
  remindAtMs: number;
}

export class LossLog {
  readonly #log: Log;
  readonly #server: string;
  readonly #clock: MonotonicClock;
  readonly #wallClock: () => number;
  /** That the log knows. */
  readonly #reasons = new Set<string>();
  /** Since the last calm time; undefined: none. */
  #losses: Losses | undefined;
  /** When the connection came or went last. */
  #turnedMs = 0;
  #outage: Outage | undefined;

  constructor(log: Log, server: string, clock: MonotonicClock, wallClock = Date.now) {
    this.#log = log;
    this.#server = server;
    this.#clock = clock;
    this.#wallClock = wallClock;
  }

  connected(): void {
    this.#outage = undefined;
    this.#turnedMs = this.#clock();
    if (this.#comesAndGoes()) return;
    this.#log("info", "connected", { server: this.#server });
    this.#reasons.clear();
  }

  /** Called as long as it is connected. */
  alive(): void {
    if (this.#losses === undefined || !this.#isCalm()) return;
    const { count, since } = this.#losses;
    if (this.#comesAndGoes())
      this.#log("info", `connected for ${calmMs / 60_000} minutes, after ${count} losses since ${since}`, {
        server: this.#server,
      });
    this.#forget();
  }

  /** Of a connection that was open, or of an attempt to open one. */
  lost(error: unknown, wasConnected: boolean, retryMs: number): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#remind(error, message);
    const isReported = wasConnected && this.#count(message);
    if (!wasConnected && this.#comesAndGoes() && this.#isCalm()) this.#forget();
    if (isReported || this.#reasons.has(message) || this.#reasons.size >= mostReasons) return;
    this.#reasons.add(message);
    const fields = { server: this.#server, code: codeOf(error), retryMs };
    this.#log("warn", wasConnected ? `connection lost: ${message}` : message, fields);
    if (!(error instanceof ServerError) && error instanceof Error)
      this.#log("error", "unexpected error in a client", { server: this.#server, stack: error.stack });
  }

  #remind(error: unknown, message: string): void {
    const nowMs = this.#clock();
    this.#outage ??= { since: this.#wallTime(), sinceMs: nowMs, remindAtMs: nowMs + reminderMs };
    const { since, sinceMs, remindAtMs } = this.#outage;
    if (nowMs < remindAtMs) return;
    const outageMs = nowMs - sinceMs;
    this.#outage.remindAtMs = sinceMs + (Math.floor(outageMs / reminderMs) + 1) * reminderMs;
    this.#reasons.add(message);
    // A refusal says itself what to do.
    const isRefusal = error instanceof ServerError && error.retry === "slowly";
    const remedy = isRefusal ? "" : "; check cable, power and address of the server";
    this.#log(
      "warn",
      `not connected since ${since}, for ${ageText(outageMs)}: ${message}${remedy}, or take it out of the configuration. This is repeated once a day`,
      { server: this.#server, code: codeOf(error), since, outageMs },
    );
  }

  #wallTime(): string {
    return new Date(this.#wallClock()).toISOString();
  }

  /** True when this loss was reported together with those before it. */
  #count(message: string): boolean {
    if (this.#isCalm()) this.#forget();
    this.#turnedMs = this.#clock();
    this.#losses ??= { count: 0, reportAt: fewLosses, since: this.#wallTime() };
    const losses = this.#losses;
    losses.count++;
    if (losses.count < losses.reportAt) return false;
    losses.reportAt *= 2;
    this.#reasons.add(message);
    this.#log(
      "warn",
      `connection lost ${losses.count} times since ${losses.since}, now because: ${message}; check cable, power and address of the server. ` +
        `Until it holds for ${calmMs / 60_000} minutes only new reasons and every doubling of the count are logged`,
      { server: this.#server, losses: losses.count, since: losses.since },
    );
    return true;
  }

  #comesAndGoes(): boolean {
    return (this.#losses?.count ?? 0) >= fewLosses;
  }

  #isCalm(): boolean {
    return this.#clock() - this.#turnedMs >= calmMs;
  }

  #forget(): void {
    this.#losses = undefined;
    this.#reasons.clear();
  }
}

function codeOf(error: unknown): string {
  return error instanceof ServerError ? error.code : "ProtocolViolation";
}
