// What the log says of one connection, to a server or a broker. A connection that comes and goes for days must not fill the log: what was said is counted, and
// one that is lost again and again is reported as that, with the count and since when, at ever longer distances. One that stays away is
// recalled once a day, since whoever looks at the log of today does not see the record of last week.
//
// Promises: the first losses are logged one by one, each with its reason; a reason that is new is always logged, twenty between two calm times;
// the records about n losses are as many as n has binary digits; what each new connection says again is logged once between two calm times. Whoever uses it shows the present state elsewhere.

import { ageText } from "./age-text.ts";
import type { Log, LogLevel } from "./log.ts";
import type { MonotonicClock } from "./schedule.ts";
import { shortened } from "./shortened.ts";

/** A connection that held this long, or was gone this long, comes and goes no more. */
export const calmMs = 600_000;
/** From so many losses on, without a calm time between them, a connection comes and goes. */
export const fewLosses = 5;
const mostReasons = 20;
const mostNotes = 1000;
/** The other side's own words are part of many messages. */
const longestMessage = 1000;
/** From one record about an outage to the next. */
export const reminderMs = 86_400_000;

/** What the records say of this connection. */
export interface ConnectionTexts {
  readonly connected: string;
  /** What to do about a loss that does not say it itself. */
  readonly remedy: string;
  /** Of every record. */
  readonly fields?: object;
}

export interface Loss {
  readonly message: string;
  /** Of an attempt to open one: false. */
  readonly wasConnected: boolean;
  /** The message says what to do. */
  readonly hasRemedy: boolean;
  /** What the first record of a reason says behind it. */
  readonly consequence?: string;
  /** Of the records that say why. */
  readonly fields?: object;
  /** Of the first record of a reason. */
  readonly firstFields?: object;
}

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
  readonly #texts: ConnectionTexts;
  readonly #clock: MonotonicClock;
  readonly #wallClock: () => number;
  /** That the log knows. */
  readonly #reasons = new Set<string>();
  readonly #notes = new Set<string>();
  /** Since the last calm time; undefined: none. */
  #losses: Losses | undefined;
  /** When the connection came or went last. */
  #turnedMs = 0;
  #outage: Outage | undefined;

  constructor(log: Log, texts: ConnectionTexts, clock: MonotonicClock, wallClock = Date.now) {
    this.#log = (level, message, fields) => log(level, message, { ...texts.fields, ...fields });
    this.#texts = texts;
    this.#clock = clock;
    this.#wallClock = wallClock;
  }

  connected(): void {
    this.#outage = undefined;
    this.#turnedMs = this.#clock();
    if (this.#comesAndGoes()) return;
    this.#log("info", this.#texts.connected);
    this.#reasons.clear();
    this.#notes.clear();
  }

  /** What is found out about it anew with each connection. */
  note(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#notes.has(message) || this.#notes.size >= mostNotes) return;
    this.#notes.add(message);
    this.#log(level, message, fields);
  }

  /** Called as long as it is connected. */
  alive(): void {
    if (this.#losses === undefined || !this.#isCalm()) return;
    const { count, since } = this.#losses;
    if (this.#comesAndGoes())
      this.#log("info", `connected for ${calmMs / 60_000} minutes, after ${count} losses since ${since}`);
    this.#forget();
  }

  /** Of a connection that was open, or of an attempt to open one. True: its reason is new, and was logged. */
  lost({ message: whole, ...rest }: Loss): boolean {
    const message = shortened(whole, longestMessage);
    const loss = { ...rest, message };
    const { wasConnected } = loss;
    this.#remind(loss);
    const isReported = wasConnected && this.#count(loss);
    if (!wasConnected && this.#comesAndGoes() && this.#isCalm()) this.#forget();
    if (isReported || this.#reasons.has(message) || this.#reasons.size >= mostReasons) return false;
    this.#reasons.add(message);
    const text = `${wasConnected ? "connection lost: " : ""}${message}${loss.consequence ?? ""}`;
    this.#log("warn", text, { ...loss.fields, ...loss.firstFields });
    return true;
  }

  #remind({ message, hasRemedy, fields }: Loss): void {
    const nowMs = this.#clock();
    this.#outage ??= { since: this.#wallTime(), sinceMs: nowMs, remindAtMs: nowMs + reminderMs };
    const { since, sinceMs, remindAtMs } = this.#outage;
    if (nowMs < remindAtMs) return;
    const outageMs = nowMs - sinceMs;
    this.#outage.remindAtMs = sinceMs + (Math.floor(outageMs / reminderMs) + 1) * reminderMs;
    this.#reasons.add(message);
    const todo = hasRemedy ? "" : `; ${this.#texts.remedy}`;
    this.#log(
      "warn",
      `not connected since ${since}, for ${ageText(outageMs)}: ${message}${todo}, or take it out of the configuration. This is repeated once a day`,
      { ...fields, since, outageMs },
    );
  }

  #wallTime(): string {
    return new Date(this.#wallClock()).toISOString();
  }

  /** True when this loss was reported together with those before it. */
  #count({ message, hasRemedy }: Loss): boolean {
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
      `connection lost ${losses.count} times since ${losses.since}, now because: ${message}${hasRemedy ? "" : `; ${this.#texts.remedy}`}. ` +
        `Until it holds for ${calmMs / 60_000} minutes only new reasons and every doubling of the count are logged`,
      { losses: losses.count, since: losses.since },
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
    this.#notes.clear();
  }
}
