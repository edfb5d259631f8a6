// A Sparkplug host of a plant whose values are numbers that never come back: it knows which of them are missing, and which came twice.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { connectAsync } from "mqtt";
import { get as sparkplugCodec } from "sparkplug-payload";
import { until } from "../../until.ts";

const codec = sparkplugCodec("spBv1.0");
assert.ok(codec);

export class NumberedHost {
  readonly #counts: number[] = [];
  readonly #lastLive = new Map<string, number>();
  /** Topics of what came, without data. */
  readonly lives: string[] = [];
  isListening = false;
  first = 0;
  last = 0;
  historical = 0;
  repeated = 0;
  unmarkedRepeats = 0;
  /** What the bridge says of itself. */
  dropped = 0;
  queued = 0;
  /** Live values that came behind a later one of their point. */
  disorder = 0;

  /** Comes back by itself, and before a bridge would. */
  static async start(t: TestContext, port: number): Promise<NumberedHost> {
    const host = new NumberedHost();
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      protocolVersion: 4,
      reconnectPeriod: 20,
      resubscribe: false,
    });
    t.after(async () => await client.endAsync(true));
    const listen = async (): Promise<void> => {
      await client.subscribeAsync("spBv1.0/#").catch(() => {});
      host.isListening = client.connected;
    };
    client.on("message", (topic, payload) => host.#take(topic, payload));
    client.on("close", () => (host.isListening = false));
    client.on("connect", () => void listen());
    client.on("error", () => {});
    await listen();
    await until("the host listens", () => host.isListening);
    return host;
  }

  /** Of the numbers from the first that came up to `to`. */
  missing(to: number): readonly number[] {
    const missing: number[] = [];
    for (let number = this.first; number <= to; number++) if (this.#counts[number] === undefined) missing.push(number);
    return missing;
  }

  #take(topic: string, payload: Buffer): void {
    if (topic.includes("/NDATA/") || topic.includes("/NBIRTH/")) this.#takeFigures(payload);
    if (!topic.includes("/DDATA/")) {
      this.lives.push(topic.split("/").slice(2, 5).join(" "));
      return;
    }
    for (const { name = "", value, isHistorical, properties } of codec?.decodePayload(payload).metrics ?? []) {
      // A value that is not good has none.
      if (value === null || value === undefined) continue;
      this.#count(String(name), Number(value), isHistorical === true, properties?.["possibleRepeat"]?.value === true);
    }
  }

  #takeFigures(payload: Buffer): void {
    for (const { name, value } of codec?.decodePayload(payload).metrics ?? []) {
      if (name === "Bridge/Dropped changes") this.dropped = Number(value);
      if (name === "Bridge/Queued changes") this.queued = Number(value);
    }
  }

  #count(name: string, number: number, isHistorical: boolean, isMarked: boolean): void {
    if (this.first === 0) this.first = number;
    this.last = Math.max(this.last, number);
    const count = (this.#counts[number] = (this.#counts[number] ?? 0) + 1);
    if (count > 1) this.repeated++;
    if (count > 1 && !isMarked) this.unmarkedRepeats++;
    if (isHistorical) this.historical++;
    else if (number <= (this.#lastLive.get(name) ?? 0)) this.disorder++;
    else this.#lastLive.set(name, number);
  }
}
