// Numbers over time as one line of blocks. Pure.

const blocks = "▁▂▃▄▅▆▇█";

export interface TimedNumber {
  readonly ms: number;
  /** Undefined: there was no good value. */
  readonly value: number | undefined;
}

/** `columns` places from `startMs` to `endMs`, each with the last number up to its end; a blank where there is none. Changes in order. */
export function sparkline(changes: readonly TimedNumber[], startMs: number, endMs: number, columns: number): string {
  const numbers = changes.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const low = numbers.reduce((least, value) => Math.min(least, value), Infinity);
  const high = numbers.reduce((most, value) => Math.max(most, value), -Infinity);
  let next = 0;
  let current: number | undefined;
  return Array.from({ length: columns }, (_, column) => {
    const untilMs = startMs + ((endMs - startMs) * (column + 1)) / columns;
    for (let change = changes[next]; change !== undefined && change.ms <= untilMs; change = changes[++next]) {
      current = change.value;
    }
    return current === undefined ? " " : blockFor(current, low, high);
  }).join("");
}

/** What never moves lies in the middle. */
function blockFor(value: number, low: number, high: number): string {
  const share = high > low ? value / (high - low) - low / (high - low) : 0.5;
  return blocks[Math.min(blocks.length - 1, Math.floor(share * blocks.length))] ?? " ";
}
