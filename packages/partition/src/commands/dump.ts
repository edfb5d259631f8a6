// `cpc dump`: prints a document as a consumer gets it: takes the guard, copies the segment, gives the guard back.

import { setTimeout as delay } from "node:timers/promises";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { NamedSemaphore } from "@cpc-partition/image/posix/named-semaphore";
import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import { consumerPairNames } from "@cpc-partition/documents/consumer-names";
import { CommandError } from "@cpc-partition/process/command-error";
import { entryLines } from "./entry-lines.ts";
import { dumpImage } from "./dump-image.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";

export interface DumpSettings {
  readonly consumer: string | undefined;
  readonly prefix: string;
  readonly image: boolean;
  readonly json: boolean;
  /** The document with an entry on each line. */
  readonly pretty: boolean;
}

const guardTimeoutMs = 3000;
const guardStepMs = 1;

export async function dump(service: ServiceName, settings: DumpSettings): Promise<ExitCode> {
  if (settings.image) return dumpImage(service, settings.prefix, settings.json);
  const document = await readDocument(service, settings);
  print(settings.pretty ? entryLines(document) : document);
  return ExitCode.fine;
}

/** The document's text as it stands in the segment. Throws a CommandError that says what is missing. */
export async function readDocument(
  service: ServiceName,
  { consumer, prefix }: Pick<DumpSettings, "consumer" | "prefix">,
): Promise<string> {
  const [names] = consumerPairNames(service, consumer === undefined ? [] : [consumer], prefix);
  if (names === undefined) throw new TypeError("no consumer pair");
  using segment = SharedMemoryObject.openExisting(names.segmentName, "read-only");
  using semaphore = NamedSemaphore.openExisting(names.semaphoreName);
  const missing = segment === undefined ? names.segmentName : names.semaphoreName;
  if (segment === undefined || semaphore === undefined) {
    throw new CommandError(
      `cannot read ${missing} because there is none: is the partition running, with this prefix and consumer?`,
    );
  }
  if (!segment.isLocked()) printError(`no partition writes to ${names.segmentName}: this is what was left`);
  await take(semaphore);
  try {
    using mapping = segment.map("read-only");
    const bytes = Buffer.from(mapping.buffer);
    const end = bytes.indexOf(0);
    return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
  } finally {
    semaphore.post();
  }
}

async function take(semaphore: NamedSemaphore): Promise<void> {
  const deadline = performance.now() + guardTimeoutMs;
  while (!semaphore.tryWait()) {
    if (performance.now() > deadline) {
      throw new CommandError(
        `cannot take ${semaphore.name} because somebody held it for ${guardTimeoutMs / 1000} s; is the partition running?`,
      );
    }
    await delay(guardStepMs);
  }
}
