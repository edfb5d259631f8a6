// Names that no object can be made under: a directory lies there, which whoever made it has to remove, or it is no name at all. A start that
// would go without that consumer's document is refused.

import { UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { stateOfPath } from "@cpc-partition/image/posix/file-state";
import { checkObjectName, segmentPath, semaphorePath } from "@cpc-partition/image/posix/object-name";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { consumerPairNames } from "./consumer-names.ts";

/** Throws an UnsuitableObjectError that says what is wrong with which name, or a PosixError. Opens nothing. */
export function refuseUnusableNames(
  services: readonly ServiceName[],
  consumers: readonly string[],
  prefix: string,
): void {
  for (const { segmentName, semaphoreName } of services.flatMap((service) =>
    consumerPairNames(service, consumers, prefix),
  )) {
    refuse("shared memory", segmentName, segmentPath(segmentName));
    refuse("semaphore", semaphoreName, semaphorePath(semaphoreName));
  }
}

function refuse(kind: "shared memory" | "semaphore", name: string, path: string): void {
  checkObjectName(kind, name);
  if (stateOfPath(path, name)?.isDirectory() === true)
    throw new UnsuitableObjectError(`create ${kind}`, name, `${path} is a directory; remove it`);
}
