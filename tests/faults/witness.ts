// Looks at everything a partition shows, all along, and remembers what must never be seen: a value that looks good and is old, stands
// in another point's place or comes from the future; a bystander that paused; a heartbeat that paused.
//
// Promises: looks every few milliseconds at the image, and now and then at the document, under its guard as consumers do. Not:
// that nothing happens between two looks.

import { setTimeout as pause } from "node:timers/promises";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import { inServerOrder } from "../../packages/image/src/server-order.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import type { ServerHealth } from "../../packages/image/src/health.ts";
import { serviceStatuses, type ServiceStatus } from "../../packages/documents/src/service-status.ts";
import type { Sandbox } from "../partition/commands/cpc.ts";
import { birthOf, placeOf } from "./born-value.ts";
import { readGuarded } from "./document-consumer.ts";

export interface WitnessRules {
  /** How old a value may be that looks good: how long a silent server is waited for, a cycle, and some for a busy machine. */
  readonly oldestGoodMs: number;
  /** Servers that the fault does not concern: once good, their values must stay good. */
  readonly bystanders: readonly string[];
  /** Longest pause of the heartbeat, and of a bystander's values. */
  readonly longestPauseMs: number;
  /** Documents are looked at, too. False where the guard is what the case is about. */
  readonly documents: boolean;
  /** Whose document. Default: there is only one. */
  readonly consumer?: string;
}

const lookMs = 10;
const documentEvery = 5;
/** Clocks of two processes of one machine are the same; the time within a millisecond is not in the value. */
const futureMs = 2;
const mostViolations = 10;

export class Witness {
  readonly violations: string[] = [];
  /** Values that looked good, so far. */
  judged = 0;
  oldestGoodMs = 0;
  longestHeartbeatMs = 0;
  readonly #sandbox: Sandbox;
  readonly #service: "opcua" | "modbus";
  #rules: WitnessRules;
  readonly #image: OpenedImage;
  /** Bystanders that were seen good. */
  readonly #wereGood = new Set<string>();
  readonly #end = new AbortController();
  #isExcused = false;
  readonly #ended: Promise<void>;

  constructor(sandbox: Sandbox, service: "opcua" | "modbus", rules: WitnessRules) {
    this.#sandbox = sandbox;
    this.#service = service;
    this.#rules = rules;
    this.#image = new OpenedImage(`${sandbox.prefix}${service}_image`);
    this.#ended = this.#watch();
  }

  /** While the whole partition is stopped or dead on purpose: old values and pauses are no surprise, wrong places still are. */
  excuse(isExcused: boolean): void {
    this.#isExcused = isExcused;
    if (isExcused) this.#wereGood.clear();
  }

  rule(rules: Partial<WitnessRules>): void {
    this.#rules = { ...this.#rules, ...rules };
  }

  /** As `cpc status --json` tells it; undefined while there is no image. */
  get health(): ServiceStatus | undefined {
    return serviceStatuses(this.#sandbox.prefix, Date.now()).find(({ service }) => service === this.#service);
  }

  server(alias: string): ServerHealth | undefined {
    return this.health?.servers.find(({ server }) => server === alias);
  }

  /** Status codes of the server's points, in order; undefined while there is no such server. */
  statuses(alias: string): readonly number[] | undefined {
    const image = this.#image.current();
    const groups = image?.directory.servers.find((server) => server.alias === alias)?.groups;
    const banks = groups?.flatMap(({ index }) => image?.snapshot(index) ?? []);
    if (groups === undefined || banks?.length !== groups.length) return undefined;
    const statuses: number[] = [];
    inServerOrder(banks, (group, point) => statuses.push(banks[group]?.status(point) ?? NaN));
    return statuses;
  }

  /** Every point of the server has a value that looks good. */
  isGood(alias: string): boolean {
    const statuses = this.statuses(alias);
    return statuses !== undefined && statuses.length > 0 && statuses.every((status) => status === 0);
  }

  /** No point of the server has a value that looks good. */
  isBad(alias: string): boolean {
    const statuses = this.statuses(alias);
    return statuses !== undefined && statuses.every((status) => status >>> 31 === 1);
  }

  /** Every point of every server has a good value that was born since then, in a living image and in the document. */
  isFresh(sinceMs: number): boolean {
    const { image, hasWriter } = this.#image.look() ?? {};
    if (image === undefined || image.isRetired || hasWriter !== true) return false;
    const isFresh = (value: unknown): boolean => typeof value === "number" && birthOf(value).atMs >= sinceMs;
    const isImageFresh = image.directory.groups.every(({ points, index }) => {
      const bank = image.snapshot(index);
      return (
        bank?.connection === ConnectionState.connected &&
        points.every((_, point) => bank.status(point) === 0 && isFresh(bank.number(point, BuiltInType.Double)))
      );
    });
    if (!isImageFresh) return false;
    const entries = Object.entries(this.#readDocument() ?? {}).filter(([key]) => placeOf(key) !== undefined);
    const points = image.directory.groups.flatMap((group) => group.points);
    return entries.length === points.length && entries.every(([, { value }]) => isFresh(value));
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.#ended;
    this.#image.close();
  }

  async #watch(): Promise<void> {
    for (let look = 0; !this.#end.signal.aborted; look++) {
      this.#lookAtImage();
      if (this.#rules.documents && look % documentEvery === 0) this.#lookAtDocument();
      await pause(lookMs);
    }
  }

  #lookAtImage(): void {
    const image = this.#image.current();
    if (image === undefined || image.isRetired) return;
    const lookedAtMs = Date.now();
    // Zero until the first document.
    if (image.heartbeatNs > 0n && !this.#isExcused) {
      const ageMs = lookedAtMs - Number(image.heartbeatNs / 1_000_000n);
      this.longestHeartbeatMs = Math.max(this.longestHeartbeatMs, ageMs);
      if (ageMs > this.#rules.longestPauseMs) this.#violated(`the heartbeat is ${ageMs} ms old`);
    }
    image.directory.groups.forEach(({ points, index }) => {
      const bank = image.snapshot(index);
      if (bank === undefined) return;
      const { alias } = bank.server;
      const isConnected = bank.connection === ConnectionState.connected;
      let isGood = isConnected;
      points.forEach(({ key }, point) => {
        if (bank.status(point) !== 0) {
          isGood = false;
          return;
        }
        if (!isConnected) this.#violated(`${key} looks good, and ${alias} is not connected`);
        if (bank.type(point) === BuiltInType.Double)
          this.#judge(`${key} in the image`, key, bank.number(point, BuiltInType.Double), lookedAtMs, alias);
      });
      this.#judgeBystander(alias, isGood);
    });
  }

  #lookAtDocument(): void {
    // The moment before the guard is taken counts: what comes later is not the document's fault.
    const lookedAtMs = Date.now();
    const document = this.#readDocument();
    for (const [key, entry] of Object.entries(document ?? {})) {
      const { value, statusCode } = entry;
      if (typeof value === "number" && statusCode === undefined)
        this.#judge(`${key} in the document`, key, value, lookedAtMs, undefined);
    }
  }

  #readDocument() {
    const { consumer } = this.#rules;
    return readGuarded({
      sandbox: this.#sandbox,
      service: this.#service,
      ...(consumer === undefined ? {} : { consumer }),
    });
  }

  #judge(what: string, key: string, value: number, lookedAtMs: number, alias: string | undefined): void {
    const place = placeOf(key);
    if (place === undefined) return;
    this.judged++;
    const birth = birthOf(value);
    const ageMs = lookedAtMs - birth.atMs;
    if (birth.place !== place) this.#violated(`${what} has the value of p${birth.place}`);
    if (birth.atMs > Date.now() + futureMs) this.#violated(`${what} is ${-ageMs} ms from the future`);
    if (this.#isExcused) return;
    this.oldestGoodMs = Math.max(this.oldestGoodMs, ageMs);
    const isBystander = alias !== undefined && this.#rules.bystanders.includes(alias);
    const { oldestGoodMs, longestPauseMs } = this.#rules;
    if (ageMs > (isBystander ? Math.min(oldestGoodMs, longestPauseMs) : oldestGoodMs))
      this.#violated(`${what} looks good and is ${ageMs} ms old`);
  }

  #judgeBystander(alias: string, isGood: boolean): void {
    if (!this.#rules.bystanders.includes(alias) || this.#isExcused) return;
    if (isGood) this.#wereGood.add(alias);
    else if (this.#wereGood.has(alias)) this.#violated(`${alias} is not good any more, and the fault is another's`);
  }

  #violated(what: string): void {
    if (this.violations.length < mostViolations) this.violations.push(`${new Date().toISOString()} ${what}`);
  }
}
