// Whether the neighbour of an OPC UA server in trouble is polled on time. All servers of the service share a thread: what one of them costs, the others
// wait for. Times are compared with those before the trouble, in the same run.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { intervalMs } from "./opcua-scene.ts";
import { PollWatch, usuallyLateMs } from "./poll-watch.ts";
import type { TestedPartition } from "./tested-partition.ts";

const quietPolls = 15;
const disturbedPolls = 25;
const latestMs = 50;

export class NeighbourWatch {
  readonly #t: TestContext;
  readonly #partition: TestedPartition;
  readonly #watch: PollWatch;
  #beforeTrouble = 0;

  private constructor(t: TestContext, partition: TestedPartition) {
    this.#t = t;
    this.#partition = partition;
    this.#watch = new PollWatch(partition.sandbox, "opcua", "neighbour", partition.child.processId);
    t.after(() => this.#watch.end());
  }

  /** Resolves when the neighbour has been polled for a while in peace: now the trouble may begin. */
  static async start(t: TestContext, partition: TestedPartition): Promise<NeighbourWatch> {
    const watch = new NeighbourWatch(t, partition);
    // The first of them say when polls are due, the others how late they are anyway.
    await watch.#untilPolled(2 * quietPolls);
    watch.#beforeTrouble = watch.#watch.count - quietPolls;
    return watch;
  }

  /** Call it while the trouble lasts. */
  async judge(): Promise<void> {
    await this.#untilPolled(quietPolls + this.#beforeTrouble + disturbedPolls);
    const late = this.#watch.lateness(quietPolls, intervalMs);
    const beforeMs = usuallyLateMs(late.slice(0, this.#beforeTrouble));
    const lateMs = usuallyLateMs(late.slice(this.#beforeTrouble));
    this.#t.diagnostic(
      `the neighbour's polls are late by ${lateMs.toFixed(1)} ms, before by ${beforeMs.toFixed(1)} ms`,
    );
    assert.ok(lateMs - beforeMs < latestMs, `the neighbour's polls began ${lateMs} ms late, before ${beforeMs} ms`);
  }

  async #untilPolled(count: number): Promise<void> {
    await this.#partition.until("the neighbour is polled", () => this.#watch.count >= count);
  }
}
