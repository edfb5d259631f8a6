// Everything that crosses the boundary between the main thread and a service's worker thread: a closed set of messages in each
// direction, the first of which is the order to start. Plain data only.

import type { ServiceName } from "@cpc-partition/image/service-name";
import type { PackedConfiguration } from "./configuration/packed-configuration.ts";
import type { LogLevel } from "@cpc-partition/process/log";

/** What a service is started with. */
export interface ServiceOrder {
  /** Name of its protocol. */
  readonly service: ServiceName;
  /** All that the partition runs, this one included. */
  readonly partitionServices: readonly ServiceName[];
  readonly configuration: PackedConfiguration;
  readonly intervalMs: number;
  readonly imageName: string;
  readonly certificatesDirectory: string;
  /** Where the names that its servers tell are remembered; undefined: nowhere. */
  readonly namesFile: string | undefined;
  /** That read its servers; undefined: as many as they need. */
  readonly threads: number | undefined;
}

export type MessageToWorker =
  /** The first one. */
  | { readonly kind: "start"; readonly order: ServiceOrder }
  | { readonly kind: "stop" }
  /** A configuration that was checked. */
  | { readonly kind: "configuration"; readonly configuration: PackedConfiguration }
  /** The image lost its name: it comes back as a new generation. */
  | { readonly kind: "image lost" }
  /** Every change is to go there from now on; it is all zero. Comes by itself, the first time before "image announced". */
  | { readonly kind: "journal memory"; readonly name: string; readonly descriptor: number; readonly sizeBytes: number }
  /** Answers "image wanted". */
  | { readonly kind: "image memory"; readonly descriptor: number; readonly sizeBytes: number }
  /** Answers "image complete". */
  | { readonly kind: "image announced" }
  /** Answers either, when it cannot be done. */
  | { readonly kind: "image refused"; readonly reason: string };

export type MessageToMain =
  /** The first one, before there is an order: its code is loaded. */
  | { readonly kind: "loaded" }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly kind: "image wanted"; readonly sizeBytes: number }
  /** `isRenumbered`: its points have other numbers than those of the image before. */
  | { readonly kind: "image complete"; readonly isRenumbered: boolean }
  /** The memory that it was given cannot be used; it asks again. */
  | { readonly kind: "image unmapped"; readonly reason: string }
  /** The journal's memory is mapped, or could not be: its descriptor is not looked at any more. */
  | { readonly kind: "journal taken"; readonly isMapped: boolean }
  | { readonly kind: "stopped" };
