// `cpc clean`: removes what a run that is over left in /dev/shm. What a living partition holds is kept.

import { readdirSync } from "node:fs";
import { NamedSemaphore } from "@cpc-partition/image/posix/named-semaphore";
import { AnotherWriterError, removeAbandoned } from "@cpc-partition/image/posix/single-writer";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";

/** With a consumer's suffix, as a kept or unfinished object, or plain; a prefix is compared as it is. */
const ownName = /^(opcua|modbus)_(?:shm|semaphore|image|journal|documents)(?:_.+|\.(?:next|before|earlier))?$/;

/** Removes the objects of the prefix, with whatever consumers they were made. Refused when a living partition holds all there is. */
export function clean({ prefix }: { readonly prefix: string }): ExitCode {
  const names = readdirSync("/dev/shm");
  const own = (fileName: string, kind: string): string[] =>
    fileName.startsWith(`${kind}${prefix}`) && ownName.test(fileName.slice(kind.length + prefix.length))
      ? [fileName.slice(kind.length)]
      : [];
  const segments = names.flatMap((name) => own(name, ""));
  const semaphores = names.flatMap((name) => own(name, "sem."));
  if (segments.length + semaphores.length === 0) print("there is nothing to remove (with this prefix)");
  let removed = 0;
  const livingServices = new Set<string>();
  for (const name of segments) {
    try {
      if (!removeAbandoned(name)) continue;
      print(`removed shared memory ${name}`);
      removed++;
    } catch (error) {
      if (!(error instanceof AnotherWriterError)) throw error;
      printError(`kept shared memory ${name}: a partition is running with it`);
      livingServices.add(serviceOf(name, prefix));
    }
  }
  for (const name of semaphores) {
    if (livingServices.has(serviceOf(name, prefix))) {
      printError(`kept semaphore ${name}: a partition is running with it`);
    } else if (NamedSemaphore.remove(name)) {
      print(`removed semaphore ${name}`);
      removed++;
    }
  }
  return livingServices.size > 0 && removed === 0 ? ExitCode.anotherWriter : ExitCode.fine;
}

function serviceOf(name: string, prefix: string): string {
  return name.slice(prefix.length).split("_", 1)[0] ?? "";
}
