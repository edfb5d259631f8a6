// The thread that reads configuration files. It lives as long as that takes, and its memory goes with it.

import { parentPort, workerData } from "node:worker_threads";
import { ConfigurationError, type Problem } from "../configuration/problem.ts";
import { checkConfigurations, type CheckOrder, type CheckReport } from "./check-configurations.ts";
import type { PackedConfigurations } from "../configuration/packed-configuration.ts";
import { packConfigurations } from "./pack-configurations.ts";
import { ownThreadId } from "./reading-limit.ts";
import { readConfigurations, type ConfigurationFiles, type Configurations } from "./read-configurations.ts";

export type ConfigurationOrder =
  | { readonly kind: "read"; readonly files: ConfigurationFiles }
  | { readonly kind: "check"; readonly order: CheckOrder };

/** What was read, for whoever keeps it. */
export interface LoadedConfigurations extends Omit<Configurations, "services"> {
  readonly services: PackedConfigurations;
}

export type ConfigurationAnswer = LoadedConfigurations | CheckReport;

export type ConfigurationMessage =
  /** The first one: whose processor time is to be looked at. */
  | { readonly kind: "thread"; readonly threadId: number | undefined }
  | { readonly kind: "reading"; readonly file: string }
  | { readonly kind: "done"; readonly answer: ConfigurationAnswer }
  | { readonly kind: "wrong"; readonly problems: readonly Problem[] };

function tell(message: ConfigurationMessage): void {
  parentPort?.postMessage(message);
}

function packed(configurations: Configurations): LoadedConfigurations {
  return { ...configurations, services: packConfigurations(configurations.services) };
}

const reading = (file: string): void => tell({ kind: "reading", file });

tell({ kind: "thread", threadId: ownThreadId() });
try {
  const work = workerData as ConfigurationOrder;
  const answer =
    work.kind === "read"
      ? packed(await readConfigurations(work.files, reading))
      : await checkConfigurations(work.order, reading);
  tell({ kind: "done", answer });
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  tell({ kind: "wrong", problems: error.problems });
}
