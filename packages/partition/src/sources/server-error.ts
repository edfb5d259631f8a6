// Our failure to get an answer from a server, and when the next attempt makes sense. What a server answers, even an error, is data and not
// one of these.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { shortened } from "@cpc-partition/process/shortened";

/**
 * "as configured": after the configured pause. "soon": the next attempt will ask for less. "slowly": whom a server refused, or who refused a
 * server, needs a person; asking every few seconds locks accounts and fills logs.
 */
export type Retry = "as configured" | "soon" | "slowly";

/** A server's own words are part of many messages. */
const longestMessage = 1000;
const soonMs = 1000;
const slowlyMs = 60_000;

const refusals: ReadonlySet<FailureKind> = new Set(["SecurityRefused", "IdentityRefused"]);

interface LogRecord {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface ServerErrorOptions extends ErrorOptions {
  readonly record?: LogRecord | undefined;
}

export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: FailureKind;
  readonly server: string;
  retry: Retry;
  /** What the log says instead of the message, with the rest of it in fields. */
  readonly record: LogRecord | undefined;
  /** Of a refusal: whether what it depended on (a trust list, a certificate) has changed since, so that the next attempt need not wait. */
  isReasonGone: (() => boolean) | undefined;

  /** `message` says "cannot X because Y"; the server's alias is a field, not part of it. */
  constructor(code: FailureKind, server: string, message: string, { record, ...options }: ServerErrorOptions = {}) {
    super(shortened(message, longestMessage), options);
    this.record = record;
    this.code = code;
    this.server = server;
    this.retry = refusals.has(code) ? "slowly" : "as configured";
  }
}

/** Pause after a failure, for a server whose configuration says `configuredMs`. */
export function retryPauseMs(error: unknown, configuredMs: number): number {
  const retry = error instanceof ServerError ? error.retry : "as configured";
  if (retry === "soon") return Math.min(configuredMs, soonMs);
  return retry === "slowly" ? Math.max(configuredMs, slowlyMs) : configuredMs;
}
