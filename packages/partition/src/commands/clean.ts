// `cpc clean`: removes what a run that is over left in /dev/shm. What a living partition holds is kept.

import { serviceNames } from "../protocols/registry.ts";
import { readdirSync } from "node:fs";
import { documentsHealth } from "@cpc-partition/documents/documents-health";
import { NamedSemaphore } from "@cpc-partition/image/posix/named-semaphore";
import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import { AnotherWriterError, removeAbandoned } from "@cpc-partition/image/posix/single-writer";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";

/** With a consumer's suffix, as a kept or unfinished object, or plain; a prefix is compared as it is. */
const ownName = new RegExp(
  `^(${serviceNames.join("|")})_(?:shm|semaphore|image|journal|documents)(?:_.+|\\.(?:next|before|earlier))?$`,
);
/** Consumers may write to these, and so lock them: their locks say nothing of a partition. */
const ofConsumers = new RegExp(`^(?:${serviceNames.join("|")})_shm`);

/** Removes the objects of the prefix, with whatever consumers they were made. Refused when a living partition holds all there is. */
export function clean({ prefix }: { readonly prefix: string }): ExitCode {
  const names = readdirSync("/dev/shm");
  const own = (fileName: string, kind: string): string[] =>
    fileName.startsWith(`${kind}${prefix}`) && ownName.test(fileName.slice(kind.length + prefix.length))
      ? [fileName.slice(kind.length)]
      : [];
  const objects = names.flatMap((name) => own(name, ""));
  const segments = objects.filter((name) => ofConsumers.test(name.slice(prefix.length)));
  const semaphores = names.flatMap((name) => own(name, "sem."));
  if (objects.length + semaphores.length === 0) print("there is nothing to remove (with this prefix)");
  let removed = 0;
  const livingServices = new Set<string>();
  const isOfLiving = (name: string): boolean => livingServices.has(serviceOf(name, prefix));
  const remove = (what: string, name: string, step: () => boolean): void => {
    try {
      if (!step()) return;
      print(`removed ${what} ${name}`);
      removed++;
    } catch (error) {
      if (!(error instanceof AnotherWriterError)) throw error;
      printError(`kept ${what} ${name}: a partition is running with it`);
      livingServices.add(serviceOf(name, prefix));
    }
  };
  // What only the partition can lock comes first: it says which services are alive.
  for (const name of objects.filter((each) => !segments.includes(each)))
    remove("shared memory", name, () => removeAbandoned(name));
  for (const name of segments)
    remove("shared memory", name, () => {
      if (!isOfLiving(name)) return SharedMemoryObject.remove(name);
      if (isAwaited(name, prefix)) throw new AnotherWriterError(name);
      return removeAbandoned(name);
    });
  for (const name of semaphores) {
    if (isOfLiving(name)) printError(`kept semaphore ${name}: a partition is running with it`);
    else remove("semaphore", name, () => NamedSemaphore.remove(name));
  }
  return livingServices.size > 0 && removed === 0 ? ExitCode.anotherWriter : ExitCode.fine;
}

/** A documents process has this segment, or is going to take it over: when it starts, nothing but its record is locked yet. */
function isAwaited(segment: string, prefix: string): boolean {
  const health = documentsHealth(`${prefix}${serviceOf(segment, prefix)}_documents`, Date.now());
  const semaphore = `${prefix}${segment.slice(prefix.length).replace("_shm", "_semaphore")}`;
  return health?.isAlive !== true || health.semaphores.includes(semaphore);
}

function serviceOf(name: string, prefix: string): string {
  return name.slice(prefix.length).split("_", 1)[0] ?? "";
}
