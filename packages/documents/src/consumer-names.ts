// The names of the OS objects that a service shares with each consumer. Other programs rely on them: they never change.

import type { ServiceName } from "@cpc-partition/image/service-name";

export interface ConsumerPairNames {
  /** "" for the one pair of a service without a consumer list. */
  readonly consumer: string;
  /** As `shm_open` takes it, without the leading slash. */
  readonly segmentName: string;
  /** As `sem_open` takes it, without the leading slash. */
  readonly semaphoreName: string;
}

/**
 * One pair per consumer, in the order of the list, a consumer named twice once; without consumers one pair with plain names.
 * `prefix` goes before every name, so that several instances live side by side.
 */
export function consumerPairNames(
  service: ServiceName,
  consumers: readonly string[] = [],
  prefix = "",
): readonly ConsumerPairNames[] {
  const list = consumers.length === 0 ? [""] : [...new Set(consumers)];
  return list.map((consumer) => {
    const suffix = consumer === "" ? "" : `_${consumer}`;
    return {
      consumer,
      segmentName: `${prefix}${service}_shm${suffix}`,
      semaphoreName: `${prefix}${service}_semaphore${suffix}`,
    };
  });
}
