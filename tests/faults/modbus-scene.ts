// A partition with two Modbus servers: the victim, to which a case does what it likes, and its neighbour, to which nothing may happen.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { DeviceRequest } from "../plant/modbus-device.ts";
import { bornBehaviour, bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { TestedPartition } from "./tested-partition.ts";
import { Stopwatch } from "./stopwatch.ts";

export const intervalMs = 100;
export const timeoutMs = 500;
export const retryMs = 300;
/** What a busy machine may take for itself. */
export const slackMs = 1500;

export const honest = bornBehaviour(0);

/** What an honest victim answers, for a case that sends it otherwise, or in part. */
export function replyTo(request: DeviceRequest): Buffer {
  return honest(request) ?? assert.fail("an honest device answers");
}

export interface SceneOptions {
  /** Where the victim's points are read. */
  readonly port: number;
  readonly host?: string;
  /** Default 2. The victim's points are in the places from 0 on. */
  readonly points?: number;
  /** Elements of the victim besides its timeout and its retryInterval. */
  readonly settings?: string;
  readonly endpointSettings?: (point: number) => string;
  /** Time-outs until silence must have been noticed. Default 1: there is one unit id. */
  readonly timeouts?: number;
  /** The victim's own, when the case needs longer ones. */
  readonly victimTimeoutMs?: number;
  readonly victimRetryMs?: number;
  /** Servers that must stay good besides the neighbour. */
  readonly bystanders?: readonly string[];
  readonly args?: readonly string[];
}

export class ModbusScene {
  readonly partition: TestedPartition;
  /** How long a recovery may take. */
  readonly #allowedMs: number;

  constructor(partition: TestedPartition, allowedMs: number) {
    this.partition = partition;
    this.#allowedMs = allowedMs;
  }

  /** Whoever reads its own last error waits with this: the first failure of an outage may be another than the one that lasts. */
  async shows(code: FailureKind, because: RegExp): Promise<void> {
    await this.partition.until(`status says ${code}, ${String(because)}`, () => {
      const victim = this.partition.witness.server("victim");
      return victim !== undefined && (victim.failures[code] ?? 0) > 0 && because.test(victim.lastError);
    });
  }

  async isHealthy(): Promise<void> {
    await this.partition.untilGood("victim", "neighbour");
    await this.partition.healthy();
  }

  async isFailing(code: FailureKind, because: RegExp): Promise<void> {
    await this.partition.untilBad("victim");
    await this.shows(code, because);
  }

  /** Whatever was wrong is over: the values are good again as soon as the documentation says. */
  async recovers(): Promise<void> {
    const stopwatch = new Stopwatch(this.partition.child.processId);
    await this.partition.untilGood("victim");
    const { isWithin, text } = stopwatch.stop(this.#allowedMs);
    assert.ok(isWithin, `good after ${text}`);
  }
}

export async function startModbusScene(t: TestContext, options: SceneOptions): Promise<ModbusScene> {
  const { victimTimeoutMs = timeoutMs, victimRetryMs = retryMs, timeouts = 1, points = 2 } = options;
  const neighbour = await startBornDevice(t, 500);
  const victim = {
    ...options,
    alias: "victim",
    firstPlace: 0,
    points,
    settings: settingsOf(victimTimeoutMs, victimRetryMs) + (options.settings ?? ""),
  };
  const partition = new TestedPartition(t, {
    modbus: bornModbusXml(victim, { alias: "neighbour", port: neighbour.port, firstPlace: 500, points: 2 }),
    interval: intervalMs / 1000,
    rules: {
      bystanders: ["neighbour", ...(options.bystanders ?? [])],
      oldestGoodMs: intervalMs + timeouts * victimTimeoutMs + slackMs,
      longestPauseMs: slackMs,
    },
    args: options.args ?? [],
  });
  // An attempt that had begun before may still have to fail.
  return new ModbusScene(partition, victimTimeoutMs + victimRetryMs + intervalMs + slackMs);
}

export function settingsOf(timeout: number, retry: number): string {
  return `<timeout>${timeout / 1000}</timeout><retryInterval>${retry / 1000}</retryInterval>`;
}
