// When to say that a certificate ends soon: at 30, 7 and 1 days, once each.

const dayMs = 86_400_000;
const thresholdsDays = [30, 7, 1] as const;

export interface CertificateEnd {
  readonly whose: "server's" | "own";
  readonly fingerprint: string;
  readonly endsMs: number;
}

export class ExpiryWarnings {
  /** By certificate: the last threshold that was logged. */
  readonly #logged = new Map<string, number>();

  /** Whole days left, below zero after its end, when a threshold was passed since the last call for this certificate; undefined when there is nothing new. */
  due({ fingerprint: certificate, endsMs }: Omit<CertificateEnd, "whose">, nowMs: number): number | undefined {
    const leftMs = endsMs - nowMs;
    const reached = thresholdsDays.findLast((days) => leftMs <= days * dayMs);
    if (reached === undefined || reached >= (this.#logged.get(certificate) ?? Infinity)) return undefined;
    this.#logged.set(certificate, reached);
    return Math.floor(leftMs / dayMs);
  }
}
