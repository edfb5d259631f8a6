// What a consumer gets that does everything right: it opens both objects by their names, waits for the guard, reads, gives it back.

import { UnsuitableObjectError } from "../../packages/image/src/posix/errno.ts";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import type { ServiceName } from "../../packages/image/src/service-name.ts";
import type { Document, Sandbox } from "../partition/commands/cpc.ts";

export interface DocumentOf {
  readonly sandbox: Sandbox;
  readonly service: ServiceName;
  /** Default: the one pair of a service without a list of consumers. */
  readonly consumer?: string;
}

/**
 * Undefined: one of the objects is not there or spoilt, the guard was not free for `patienceMs`, or what lies in the segment is no document.
 * Waits without a turn of the event loop, as a consumer's `sem_wait` does.
 */
export function readGuarded({ sandbox, service, consumer }: DocumentOf, patienceMs = 0): Document | undefined {
  const [names] = consumerPairNames(service, consumer === undefined ? [] : [consumer]);
  if (names === undefined) return undefined;
  try {
    using semaphore = NamedSemaphore.openExisting(sandbox.prefix + names.semaphoreName);
    if (semaphore === undefined) return undefined;
    const endMs = performance.now() + patienceMs;
    while (!semaphore.tryWait()) if (performance.now() >= endMs) return undefined;
    const document = sandbox.document(names.segmentName);
    semaphore.post();
    return document;
  } catch (error) {
    if (error instanceof UnsuitableObjectError) return undefined;
    throw error;
  }
}
