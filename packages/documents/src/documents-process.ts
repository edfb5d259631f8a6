// The documents process of `cpc run`. Entry point: it is forked by supervise-documents.ts, takes its options from the parent, and ends when
// the parent says so or is gone. Its log goes where the parent's goes, in the same form.

import { once } from "node:events";
import { AnotherWriterError } from "@cpc-partition/image/posix/single-writer";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { createLog } from "@cpc-partition/process/pino-log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { farewellMs, standardError } from "@cpc-partition/process/standard-error";
import { reasonOf } from "@cpc-partition/process/troubles";
import { runDocuments, type StopOrder } from "./documents.ts";
import type { MessageFromDocuments, MessageToDocuments } from "./process-messages.ts";

// A signal often reaches the whole group of processes: the parent decides when its documents end.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.on("uncaughtException", (error) => void end(ExitCode.failed, reasonOf(error)));

const stopped = new Promise<StopOrder>((resolve) => {
  process.once("disconnect", () => resolve({ removeObjects: false }));
  process.on("message", (message: MessageToDocuments) => {
    if (message.kind === "stop") resolve({ removeObjects: message.removeObjects });
  });
});

const [start] = (await once(process, "message")) as [MessageToDocuments];
if (start.kind === "start") {
  const { logLevel: level, logFormat: format, ...options } = start.documents;
  const log = createLog({ level, format });
  logRuntimeWarnings(log);
  try {
    await runDocuments(options, stopped, log, () => void told({ kind: "begun" }));
  } catch (error) {
    await end(error instanceof AnotherWriterError ? ExitCode.anotherWriter : ExitCode.failed, reasonOf(error));
  }
}
await end(ExitCode.fine);

/** The parent has the reason logged: it knows whether it is always the same. */
async function end(code: ExitCode, reason?: string): Promise<void> {
  if (reason !== undefined) await told({ kind: "failed", reason });
  await standardError.end(farewellMs);
  process.exit(code);
}

function told(message: MessageFromDocuments): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });
}
