// The values of a poll on their way from the thread that read them to the one that publishes them: what was put into the sink, in this
// order, as columns of numbers that a message copies at once.
//
//   steps     two words for each call: what it was with the type of a number, and the index of the point
//   numbers   for each step in turn: a number, a status, both words of a time, or a number with status and source time
//   values    everything else

import type { GroupBlock } from "@cpc-partition/image/group-block";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { readWallClock } from "@cpc-partition/image/posix/wall-clock";
import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";

interface RecordedValue {
  readonly value: Value;
  readonly status: number;
  readonly sourceTimestamp: Timestamp | undefined;
}

export interface RecordedPoll {
  /** When it began, both words. */
  readonly requested: readonly number[];
  readonly steps: Uint32Array;
  readonly numbers: Float64Array;
  readonly values: readonly RecordedValue[];
}

const Step = { number: 0, status: 1, unchanged: 2, value: 3, response: 4, timedNumber: 5 } as const;
/** The type of a number stands above what the step is. */
const typeShift = 8;

export class PollRecorder implements PointSink {
  #steps = new Uint32Array(64);
  #numbers = new Float64Array(64);
  #stepCount = 0;
  #numberCount = 0;
  #values: RecordedValue[] = [];
  readonly #time = new Uint32Array(2);
  #requested: readonly number[] = [0, 0];

  /** What was recorded before is given up. */
  begin(): void {
    this.#stepCount = 0;
    this.#numberCount = 0;
    this.#values = [];
    readWallClock(this.#time);
    this.#requested = [...this.#time];
  }

  take(): RecordedPoll {
    return {
      requested: this.#requested,
      steps: this.#steps.slice(0, this.#stepCount),
      numbers: this.#numbers.slice(0, this.#numberCount),
      values: this.#values,
    };
  }

  responseCame(): void {
    readWallClock(this.#time);
    this.#step(Step.response, 0);
    this.#number(this.#time[0] ?? 0);
    this.#number(this.#time[1] ?? 0);
  }

  setNumber(index: number, type: BuiltInType, value: number): void {
    this.#step(Step.number | (type << typeShift), index);
    this.#number(value);
  }

  setTimedNumber(
    index: number,
    type: BuiltInType,
    value: number,
    status: number,
    sourceUnixMs: number,
    sourceSubMsNs: number,
  ): void {
    this.#step(Step.timedNumber | (type << typeShift), index);
    for (const number of [value, status, sourceUnixMs, sourceSubMsNs]) this.#number(number);
  }

  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void {
    this.#step(Step.value, index);
    this.#values.push({ value, status, sourceTimestamp });
  }

  unchanged(index: number): void {
    this.#step(Step.unchanged, index);
  }

  setStatus(index: number, status: number): void {
    this.#step(Step.status, index);
    this.#number(status);
  }

  #step(what: number, index: number): void {
    if (this.#stepCount === this.#steps.length) {
      const longer = new Uint32Array(2 * this.#steps.length);
      longer.set(this.#steps);
      this.#steps = longer;
    }
    this.#steps[this.#stepCount++] = what;
    this.#steps[this.#stepCount++] = index;
  }

  #number(number: number): void {
    if (this.#numberCount === this.#numbers.length) {
      const longer = new Float64Array(2 * this.#numbers.length);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.#numberCount++] = number;
  }
}

/** Puts everything into the block, which then is ready to be published. */
export function replay({ requested, steps, numbers, values }: RecordedPoll, block: GroupBlock): void {
  block.begin(requested);
  let number = 0;
  let value = 0;
  const next = (): number => numbers[number++] ?? 0;
  for (let at = 0; at < steps.length; at += 2) {
    const what = steps[at] ?? 0;
    const index = steps[at + 1] ?? 0;
    switch (what & ((1 << typeShift) - 1)) {
      case Step.number:
        block.setNumber(index, (what >>> typeShift) as BuiltInType, next());
        break;
      case Step.status:
        block.setStatus(index, next());
        break;
      case Step.unchanged:
        block.unchanged(index);
        break;
      case Step.response:
        block.responseCameAt(next(), next());
        break;
      case Step.timedNumber:
        block.setTimedNumber(index, (what >>> typeShift) as BuiltInType, next(), next(), next(), next());
        break;
      default: {
        const recorded = values[value++];
        if (recorded !== undefined) block.setValue(index, recorded.value, recorded.status, recorded.sourceTimestamp);
      }
    }
  }
}
