// What the soak and the processes of its servers tell each other.

export type ServerReport =
  | { readonly kind: "listening"; readonly ports: Readonly<Record<string, number>> }
  /** An error was answered for these points. */
  | {
      readonly kind: "injected";
      readonly server: string;
      readonly atMs: number;
      readonly points: readonly number[];
      readonly what: string;
    }
  /** A reply that came too late was due at `atMs`. */
  | { readonly kind: "late"; readonly server: string; readonly atMs: number }
  | { readonly kind: "renewed"; readonly tokens: number };

export type ServerOrder =
  /** Accepts and does not answer. */
  | { readonly kind: "hang"; readonly server: string; readonly forMs: number }
  | { readonly kind: "cut"; readonly server: string }
  | { readonly kind: "restart"; readonly server: string; readonly downMs: number }
  /** The next reply comes that much later. */
  | { readonly kind: "late"; readonly server: string; readonly byMs: number };

export function report(message: ServerReport): void {
  process.send?.(message);
}

/** Orders from the soak, until it is gone: then this process ends. */
export function onOrder(listener: (order: ServerOrder) => void): void {
  process.on("message", listener);
  process.once("disconnect", () => process.exit(0));
}

/** One answer in a hundred is an error. */
export const errorOneIn = 100;
/** Some answers are slow, but not too slow. */
export const slowOneIn = 200;
export const slowMs = 300;
