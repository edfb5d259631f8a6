// How large the documents of a configuration can get, before any server has been asked: for `check`, which connects to nobody. The documents
// process works the same out from the image.

import type { ServiceConfiguration } from "../configuration/configuration.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { estimateDocumentBytes, segmentBytes, segmentSizeFlaw } from "@cpc-partition/documents/document-size";
import type { ConnectionEntry } from "@cpc-partition/image/point";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { CommandError } from "@cpc-partition/process/command-error";

export interface DocumentSize {
  /** Largest document expected. */
  readonly documentBytes: number;
  readonly segmentBytes: number;
}

export function documentSizeOf(protocol: Protocol, configuration: ServiceConfiguration): DocumentSize {
  const servers = protocol.describe(configuration);
  return { documentBytes: estimateDocumentBytes(servers), segmentBytes: segmentBytes(protocol.name, servers) };
}

/** Throws a CommandError when documents of this size could not even show every connection. */
export function refuseSmallSegment(service: ServiceName, connections: readonly ConnectionEntry[], bytes: number): void {
  const flaw = segmentSizeFlaw(service, connections, bytes);
  if (flaw !== undefined) throw new CommandError(flaw);
}
