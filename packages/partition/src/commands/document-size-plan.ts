// How large the documents of a configuration can get, before any server has been asked: for `check`, which connects to nobody. The documents
// process works the same out from the image.

import type { ServiceConfiguration } from "../configuration/configuration.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { estimateDocumentBytes, leastSegmentBytes, segmentBytes } from "@cpc-partition/documents/document-size";
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
export function refuseSmallSegment(protocol: Protocol, configuration: ServiceConfiguration, bytes: number): void {
  const least = leastSegmentBytes(protocol.describe(configuration).map(({ connection }) => connection));
  if (bytes >= least) return;
  throw new CommandError(
    `cannot use --segment-size ${bytes} because the connection entries of ${protocol.name} alone take ${least} bytes; ` +
      `use at least ${least}, or leave the option out to have the size computed from the configuration`,
  );
}
