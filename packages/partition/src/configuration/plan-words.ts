// How `check` writes figures of a plan.

export function intervalWords(intervalMs: number | undefined): string {
  return intervalMs === undefined ? "the service's" : `${intervalMs / 1000} s`;
}

export function rounded(figure: number): string {
  return figure >= 100 ? String(Math.round(figure)) : String(Number(figure.toPrecision(2)));
}

export function percent(share: number): string {
  return `${share < 0.1 ? (100 * share).toPrecision(1) : Math.round(100 * share)} %`;
}
