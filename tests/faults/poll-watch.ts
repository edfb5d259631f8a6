// When the polls of a server began, as its image says, and how late each was: the part of it that the partition has to answer for.

import { OpenedImage } from "../../packages/image/src/opened-image.ts";
import type { Sandbox } from "../partition/commands/cpc.ts";
import { quantile, usualGrid, type Arrival } from "./punctuality.ts";
import { waitsForProcessorMs } from "./stopwatch.ts";

interface Poll extends Arrival {
  /** How long the threads of the partition had waited for a processor so far, and those of this process, where the neighbour may be played. */
  readonly waits: readonly ReadonlyMap<string, number>[];
}

const lookMs = 5;

export class PollWatch {
  readonly #polls: Poll[] = [];
  readonly #image: OpenedImage;
  readonly #timer: NodeJS.Timeout;

  constructor(sandbox: Sandbox, service: "opcua" | "modbus", alias: string, processId: number) {
    this.#image = new OpenedImage(`${sandbox.prefix}${service}_image`);
    this.#timer = setInterval(() => this.#look(alias, processId), lookMs);
  }

  get count(): number {
    return this.#polls.length;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#image.close();
  }

  /**
   * For each poll that was due after the first `quiet` ones, how late it began, without the time in which the machine kept the partition or this process
   * waiting for a processor. When they are due is what most of the quiet ones say.
   */
  lateness(quiet: number, intervalMs: number): readonly number[] {
    const startMs = this.#polls[quiet]?.seenMs ?? 0;
    const endMs = this.#polls.at(-1)?.seenMs ?? 0;
    const due = usualGrid(this.#polls, intervalMs, startMs);
    const late: number[] = [];
    for (let tick = due.after(startMs); due.instantMs(tick) < endMs; tick++) {
      const dueMs = due.instantMs(tick);
      const index = this.#polls.findIndex(({ seenMs }) => seenMs >= dueMs - intervalMs / 2);
      const [poll, before] = [this.#polls[index], this.#polls[index - 1]];
      if (poll === undefined || before === undefined) continue;
      late.push(Math.max(0, poll.seenMs - dueMs - waitedMs(before, poll)));
    }
    return late;
  }

  #look(alias: string, processId: number): void {
    const image = this.#image.current();
    const group = image?.directory.groups.find(({ index }) => image.snapshot(index)?.server.alias === alias);
    const beganNs = group === undefined ? undefined : image?.snapshot(group.index)?.state.requestedNs;
    if (beganNs === undefined || beganNs === 0n) return;
    const seenMs = Number(beganNs) / 1e6;
    if (seenMs === this.#polls.at(-1)?.seenMs) return;
    this.#polls.push({
      seenMs,
      absentMs: seenMs,
      waits: [processId, process.pid].map((id) => waitsForProcessorMs(id)),
    });
  }
}

/** Between two polls, of each process that of the thread which waited longest. */
function waitedMs(before: Poll, poll: Poll): number {
  return poll.waits.reduce((sum, waits, index) => {
    const longer = [...waits].map(([thread, ms]) => ms - (before.waits[index]?.get(thread) ?? 0));
    return sum + Math.max(0, ...longer);
  }, 0);
}

/** So that one poll which the machine disturbed in a way that nobody counts does not decide. */
export function usuallyLateMs(late: readonly number[]): number {
  return quantile(late, 0.9);
}
