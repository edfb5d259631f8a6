// A partition with two consumers, one that is well and one that is not, and beside it a partition without any fault, on the same machine
// at the same time: what both suffer is the machine's doing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { OtherProcess } from "../image/posix/other-process.ts";
import { bornModbusXml } from "./born-modbus.ts";
import { BornServer } from "./born-server.ts";
import { birthOf, placeOf } from "./born-value.ts";
import { readGuarded } from "./document-consumer.ts";
import { times } from "./fault.ts";
import { waitedForProcessorMs } from "./stopwatch.ts";
import { TestedPartition } from "./tested-partition.ts";
import { ArrivalWatch, delays, inWords, lateness, machineMs, quantile, usualGrid } from "./punctuality.ts";

const points = 4;
const quietMs = 1500;
const latestMs = 10;
/** Where the machine alone makes documents later than this, it has no processor to spare, and lateness says little about a fault. */
const quietMachineMs = 3;
/** Longer than the partition itself ever holds the guard. */
const patienceMs = 5;
const cyclesToRecover = 3;
/** So many documents make one in a hundred a figure. */
const enoughForP99 = 300;

export type Habit = "holds" | "takes whenever it can" | "posts" | "comes and goes";

export class ConsumerScene {
  readonly partition: TestedPartition;
  readonly #t: TestContext;
  readonly #control: Sandbox;
  readonly #intervalMs: number;

  private constructor(t: TestContext, partition: TestedPartition, control: Sandbox, intervalMs: number) {
    this.#t = t;
    this.partition = partition;
    this.#control = control;
    this.#intervalMs = intervalMs;
  }

  /** With every point good. `isMeasured`: there is a control, too. */
  static async start(t: TestContext, intervalMs: number, isMeasured: boolean): Promise<ConsumerScene> {
    const { port } = await BornServer.start(t, "modbus", 0, points);
    const modbus = bornModbusXml({ alias: "device", port, firstPlace: 0, points });
    const interval = intervalMs / 1000;
    // The bad one first: if one came after the other, the good one would wait.
    const args = ["--consumers", "bad,good"];
    const rules = { bystanders: ["device"], consumer: "good" };
    const partition = new TestedPartition(t, { modbus, interval, args, rules });
    const control = new Sandbox(t);
    if (isMeasured) {
      const run = control.run("--modbus", control.write("modbus.xml", modbus), "--interval", String(interval));
      await run.until("the control has values", () => typeof control.value("device: p0") === "number");
    }
    await partition.untilGood("device");
    await partition.until("its consumers have documents", () => partition.witness.isFresh(0));
    await partition.healthy();
    return new ConsumerScene(t, partition, control, intervalMs);
  }

  get names() {
    const { sandbox } = this.partition;
    const prefix = `${sandbox.prefix}modbus_`;
    return {
      segment: `${prefix}shm_bad`,
      semaphore: `${prefix}semaphore_bad`,
      image: `${prefix}image`,
      segmentPath: sandbox.path("modbus_shm_bad"),
      semaphorePath: sandbox.semaphorePath("modbus_semaphore_bad"),
      imagePath: sandbox.path("modbus_image"),
    };
  }

  /** A process that misbehaves as soon as it is sent a message. */
  async badConsumer(habit: Habit): Promise<OtherProcess> {
    const script = new URL("./misbehaving-consumer.ts", import.meta.url);
    const consumer = new OtherProcess(this.#t, script, [habit, this.names.semaphore]);
    assert.equal(await consumer.next(), "ready");
    return consumer;
  }

  /** Permits now; undefined while there is no semaphore. */
  permits(): number | undefined {
    using semaphore = NamedSemaphore.openExisting(this.names.semaphore);
    return semaphore?.value();
  }

  get documents(): number {
    return this.partition.witness.health?.documents ?? 0;
  }

  /** Polls so far; 0 while there is no image. */
  get cycle(): number {
    return this.partition.witness.server("device")?.cycle ?? 0;
  }

  /**
   * Who does everything right has values of after the fault within three cycles: by default a consumer of documents in the place of the
   * bad one. `cycle`: that at the fault, for when it cannot be asked afterwards.
   */
  async recovers(
    isFreshSince: (ms: number) => boolean = (ms) => this.#isDocumentFresh(ms),
    cycle?: number,
  ): Promise<void> {
    // In this order: the poll of the next cycle is of after the fault.
    const faultMs = Date.now();
    const before = cycle ?? this.cycle;
    const waitedBefore = this.#waitedMs();
    await this.partition.until("there are fresh values", () => {
      // A look that begins after so many cycles finds them, however slow this process is. The one that ran at the fault does not count.
      const cycles = this.cycle - before;
      const isRecovered = isFreshSince(faultMs);
      const waitedMs = [...this.#waitedMs()].reduce((sum, [id, ms]) => sum + ms - (waitedBefore.get(id) ?? 0), 0);
      const allowed = cyclesToRecover + waitedMs / this.#intervalMs;
      assert.ok(isRecovered || cycles <= allowed, `no fresh values after ${cycles - 1} cycles`);
      return isRecovered;
    });
  }

  /** How long this process, the partition, and its documents process had no processor: polls of another thread went on meanwhile. */
  #waitedMs(): ReadonlyMap<number, number> {
    const { processId } = this.partition.child;
    const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8").split(" ").map(Number);
    return new Map([process.pid, processId, ...children].map((id) => [id, waitedForProcessorMs(id)]));
  }

  /**
   * Documents come on time whatever `misbehave` does: the good consumer's, and with `isHeldAlways` also those that the bad one gets although it
   * never gives its guard back. Compared with the control.
   */
  async staysPunctual(misbehave: () => Promise<void>, isHeldAlways = false): Promise<void> {
    const { sandbox } = this.partition;
    const paths = [sandbox.path("modbus_shm_good"), sandbox.path("modbus_shm_bad"), this.#control.path("modbus_shm")];
    const watch = await ArrivalWatch.start(this.#t, paths);
    await pause(quietMs);
    const startMs = machineMs();
    await misbehave();
    const endMs = machineMs();
    const [good = [], bad = [], control = []] = await watch.end();
    const due = usualGrid(good, this.#intervalMs, startMs);
    const controlDue = usualGrid(control, this.#intervalMs, startMs);
    const noise = lateness(control, controlDue, startMs, endMs);
    this.#t.diagnostic(`without a fault: ${inWords(noise)}`);
    this.#compare("the good consumer's", lateness(good, due, startMs, endMs), noise, [0.5, 0.9, 0.99]);
    if (!isHeldAlways) return;
    // A processor that is fully taken gives the one who waits the least of it: only the middle says something about the wait.
    this.#compare("the bad consumer's", delays(bad, due, startMs, endMs), noise, [0.5]);
  }

  /** Whole, and every value born since then. */
  #isDocumentFresh(sinceMs: number): boolean {
    const document = readGuarded({ sandbox: this.partition.sandbox, service: "modbus", consumer: "bad" }, patienceMs);
    const values = Object.entries(document ?? {}).filter(([key]) => placeOf(key) !== undefined);
    return (
      values.length === points &&
      values.every(([, { value }]) => typeof value === "number" && birthOf(value).atMs >= sinceMs)
    );
  }

  #compare(whose: string, late: readonly number[], noise: readonly number[], shares: readonly number[]): void {
    this.#t.diagnostic(`${whose}: ${inWords(late)}`);
    assert.ok(late.length > 0, `${whose} documents did not come`);
    for (const share of shares) {
      if (share === 0.99 && late.length < enoughForP99) continue;
      const [found, ofMachine] = [quantile(late, share), quantile(noise, share)];
      const words = `${share * 100} % of ${whose} documents are late by ${found.toFixed(1)} ms at most, by ${ofMachine.toFixed(1)} ms without a fault`;
      if (ofMachine > quietMachineMs) this.#t.diagnostic(`not judged, because the machine is too busy: ${words}`);
      else assert.ok(found <= latestMs + 2 * ofMachine, words);
    }
  }
}

/** Lateness is a matter of thorough runs: it takes a while until it says something. */
export const isMeasured = times({ quick: 0, usual: 1, long: 1 }) === 1;
