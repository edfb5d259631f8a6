// A plant whose every change has a number of its own: 0, 1, 2, ... as its value. So a consumer can say which of them are missing or came twice.

import type { Lifetime } from "../../image/posix/own-objects.ts";
import { setTimeout as pause } from "node:timers/promises";
import { markCount } from "../../../packages/image/src/journal-layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { serverOf } from "../../image/sample-image.ts";
import { BridgedPlant } from "../bridged-plant.ts";

export interface Pace {
  readonly points: number;
  readonly changesPerSecond: number;
}

/** Seconds of changes are in it, as a partition's journal would have them. */
const ringBytes = 64 * markCount * 8192;

export class ChangingPlant {
  readonly plant: BridgedPlant;
  readonly #pace: Pace;
  #written = 0;
  #running: Promise<void> = Promise.resolve();
  #isStopped = true;

  constructor(t: Lifetime, pace: Pace) {
    this.#pace = pace;
    this.plant = new BridgedPlant(t, [serverOf("Line 1", ...Array.from({ length: pace.points }, () => 0))], ringBytes);
    t.after(async () => await this.stop());
  }

  get prefix(): string {
    return this.plant.prefix;
  }

  /** How many changes there have been. */
  get written(): number {
    return this.#written;
  }

  start(): void {
    this.#isStopped = false;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { points, changesPerSecond } = this.#pace;
    const startMs = performance.now();
    const first = this.#written;
    while (!this.#isStopped) {
      const due = first + ((performance.now() - startMs) / 1000) * changesPerSecond;
      while (this.#written + points <= due) this.#publish(points);
      this.plant.writer.image.beat();
      await pause(5);
    }
  }

  #publish(points: number): void {
    this.plant.writer.publish(0, (block) => {
      for (let point = 0; point < points; point++) block.setNumber(point, BuiltInType.Double, this.#written++);
    });
  }
}
