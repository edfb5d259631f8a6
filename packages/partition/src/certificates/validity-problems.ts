// The dates of a certificate as a sentence, before anybody connects with it.

const dayMs = 86_400_000;

interface ValidityDates {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** One at most; `what` begins the sentence. */
export function dateProblems(what: string, { notBeforeMs, notAfterMs }: ValidityDates, nowMs: number): string[] {
  if (notAfterMs < nowMs) return [`${what} is ${daysLeftText(notAfterMs, nowMs)}; renew it`];
  if (notBeforeMs > nowMs)
    return [
      `${what} is not valid before ${new Date(notBeforeMs).toISOString()}; look at the clock of this machine, too`,
    ];
  return [];
}

export function daysLeftText(endsMs: number, nowMs: number): string {
  const days = Math.floor((endsMs - nowMs) / dayMs);
  return endsMs < nowMs ? `EXPIRED ${Math.ceil((nowMs - endsMs) / dayMs)} days ago` : `${days} days left`;
}
