// What the bridge knows of points, apart from images and brokers.

import type { ServiceName } from "@cpc-partition/image/service-name";
import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Value } from "@cpc-partition/image/values/value";

export interface ObservedPoint {
  readonly service: ServiceName;
  /** Alias of the server. */
  readonly server: string;
  /** The key in the document; no other point of the service has it. */
  readonly key: string;
  /** "" for none. */
  readonly unit: string;
  readonly description: string;
  /** Null while only the server's answer can show it. */
  readonly type: BuiltInType;
}

/** A value that a point had. Instants are nanoseconds since 1970-01-01 UTC. */
export interface PointChange extends Value {
  readonly point: ObservedPoint;
  readonly status: number;
  /** 0n: the server gave none. */
  readonly sourceNs: bigint;
  readonly receivedNs: bigint;
  readonly publishedNs: bigint;
  /** `run`: start of the partition that wrote the journal. With the position in it this names the change for ever. */
  readonly run: bigint;
  readonly position: bigint;
}

/** A server with the values that its points have now. */
export interface ServerBirth {
  readonly service: ServiceName;
  readonly server: string;
  /** False: the connection is lost, or the partition does not run. */
  readonly isConnected: boolean;
  readonly values: readonly PointChange[];
}

/** The instant that a value is of: when the server says so, else when its answer came. */
export function valueNs({ sourceNs, receivedNs, publishedNs }: PointChange): bigint {
  return sourceNs > 0n ? sourceNs : receivedNs > 0n ? receivedNs : publishedNs;
}
