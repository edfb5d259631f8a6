// Where the loops of a server put what they learn. The blocks of the process image are that; in a thread that reads for another one, what hands
// it over.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { ConnectionState, GroupCounter, ServerCounter } from "@cpc-partition/image/layout";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { SourceState } from "@cpc-partition/image/server-block";
import type { Receipt } from "./source.ts";

export interface GroupSink extends PointSink {
  begin(): void;
  /** As of a `GroupBlock`. */
  publish(connection: ConnectionState, durationMs?: number | null): void;
  /** Of the last publication; absent: readers have it at once. */
  receipt?(): Receipt;
  count(counter: GroupCounter, by?: bigint): void;
  readonly wantsRoom: boolean;
  readonly isWithholding: boolean;
}

export interface ServerSink {
  readonly groups: readonly GroupSink[];
  show(state: SourceState): void;
  showEverywhere(state: SourceState, status?: number): void;
  count(counter: ServerCounter): void;
  countFailure(kind: FailureKind): void;
}
