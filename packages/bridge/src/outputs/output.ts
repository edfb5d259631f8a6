// The border between the bridge and an engine: an output is one folder behind these interfaces.
//
// The core promises: births come first, calls of `publishBirths` never overlap, and at most one live and one history batch are under way at a
// time. An output promises: a call resolves when the engine has taken everything in it, and rejects when that is not known.

import type { Log } from "@cpc-partition/process/log";
import type { PointChange, ServerBirth } from "../observation/observed-change.ts";

export interface Batch {
  /** "history": older than the birth that was published last. */
  readonly kind: "live" | "history";
  /** The engine may have got it before: a connection died before the proof came. */
  readonly isRepeat: boolean;
  readonly changes: readonly PointChange[];
}

/** What the bridge has to tell the host about itself. */
export interface DeliveryFigures {
  readonly queuedChanges: number;
  readonly queuedBytes: number;
  /** Changes that the full queue dropped, oldest first. */
  readonly droppedChanges: number;
  /** Changes that the journal overwrote before the bridge could read them. */
  readonly lostChanges: number;
}

/** What an output may ask of the core. */
export interface SessionEvents {
  /** The host wants births again, or a value does not fit its birth. */
  birthsWanted(): void;
}

export interface Session {
  /** "all": nothing that was published before counts; servers that are not among them are gone. */
  publishBirths(births: readonly ServerBirth[], scope: "all" | "changed"): Promise<void>;
  publish(batch: Batch): Promise<void>;
  publishFigures(figures: DeliveryFigures): Promise<void>;
  /** Resolves when the connection is over, with the reason. It never rejects. */
  readonly ended: Promise<OutputError>;
  /** Says goodbye in the way of the engine; never rejects. */
  end(): Promise<void>;
}

export interface OutputContext {
  readonly log: Log;
  readonly events: SessionEvents;
  readonly signal: AbortSignal;
}

export interface Output {
  readonly name: string;
  /** A new connection, ready for births. Rejects with an OutputError. */
  connect(context: OutputContext): Promise<Session>;
  /** Changes when credentials or certificates were changed on disk: then the connection is made anew. */
  fingerprint(): string;
}

export type OutputErrorCode = "Unreachable" | "Refused" | "Lost" | "Timeout" | "Certificate" | "Protocol" | "Ended";

/** `Refused` and `Certificate` are for people to mend: they are tried again after a minute, or when the files changed. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  readonly code: OutputErrorCode;

  constructor(code: OutputErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get isForPeople(): boolean {
    return this.code === "Refused" || this.code === "Certificate";
  }
}
