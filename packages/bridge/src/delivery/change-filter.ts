// Which changes an output gets: of chosen points, not smaller than a deadband, and not more often than wanted.
//
// A change that is held back because it came too soon is given as soon as the time is over, if no later one has taken its place: what the host
// has is never wrong for longer than the interval.

import type { Scalar } from "@cpc-partition/image/values/value";
import type { DeliverySettings } from "../configuration/delivery-settings.ts";
import type { ObservedPoint, PointChange } from "../observation/observed-change.ts";

interface Rule {
  readonly isWanted: boolean;
  /** 0: none. */
  readonly deadband: number;
}

interface Last {
  readonly value: number | undefined;
  readonly status: number;
  readonly givenMs: number;
}

export class ChangeFilter<Change extends PointChange> {
  readonly #settings: DeliverySettings;
  readonly #rules = new WeakMap<ObservedPoint, Rule>();
  #last = new WeakMap<ObservedPoint, Last>();
  readonly #held = new Map<ObservedPoint, Change>();

  constructor(settings: DeliverySettings) {
    this.#settings = settings;
  }

  isWanted(point: ObservedPoint): boolean {
    return this.#rule(point).isWanted;
  }

  /** Changes to be delivered now, in order. Those that were held back and are due come first. */
  pass(changes: readonly Change[], nowMs: number): readonly Change[] {
    const passed = this.#due(nowMs);
    for (const change of changes) {
      const { isWanted, deadband } = this.#rule(change.point);
      if (!isWanted) continue;
      if (deadband > 0 && this.#isWithin(change, deadband)) {
        // The host has this value: what was held back since is over.
        this.#held.delete(change.point);
        continue;
      }
      const last = this.#last.get(change.point);
      if (last !== undefined && nowMs - last.givenMs < this.#settings.minimumIntervalMs)
        this.#held.set(change.point, change);
      else passed.push(this.#give(change, nowMs));
    }
    return passed;
  }

  /** Everything that is held back, at the end. */
  flush(): readonly Change[] {
    const changes = [...this.#held.values()];
    this.#held.clear();
    return changes;
  }

  /** The host knows these values: the next change is compared with them. */
  know(values: readonly PointChange[]): void {
    if (this.#settings.deadbands.length === 0) return;
    for (const { point, value, status } of values)
      this.#last.set(point, { value: numberOf(value), status, givenMs: Number.NEGATIVE_INFINITY });
  }

  #due(nowMs: number): Change[] {
    const due: Change[] = [];
    for (const [point, change] of this.#held) {
      const givenMs = this.#last.get(point)?.givenMs ?? Number.NEGATIVE_INFINITY;
      if (nowMs - givenMs < this.#settings.minimumIntervalMs) continue;
      this.#held.delete(point);
      due.push(this.#give(change, nowMs));
    }
    return due;
  }

  #give(change: Change, nowMs: number): Change {
    const { deadbands, minimumIntervalMs } = this.#settings;
    if (deadbands.length > 0 || minimumIntervalMs > 0)
      this.#last.set(change.point, { value: numberOf(change.value), status: change.status, givenMs: nowMs });
    return change;
  }

  #isWithin(change: Change, deadband: number): boolean {
    const last = this.#last.get(change.point);
    const value = numberOf(change.value);
    if (last?.value === undefined || value === undefined || last.status !== change.status) return false;
    return Math.abs(value - last.value) < deadband;
  }

  #rule(point: ObservedPoint): Rule {
    const known = this.#rules.get(point);
    if (known !== undefined) return known;
    const name = `${point.server}/${point.key}`;
    const fits = (patterns: readonly RegExp[]): boolean => patterns.some((pattern) => pattern.test(name));
    const { include, exclude, deadbands } = this.#settings;
    const rule = {
      isWanted: (include.length === 0 || fits(include)) && !fits(exclude),
      deadband: deadbands.find(({ points }) => fits(points))?.absolute ?? 0,
    };
    this.#rules.set(point, rule);
    return rule;
  }
}

function numberOf(value: Scalar | readonly Scalar[]): number | undefined {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
