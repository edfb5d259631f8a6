// The thread that reads configuration files. It lives as long as that takes, and its memory goes with it.

import { parentPort, workerData } from "node:worker_threads";
import { ConfigurationError, type Problem } from "../configuration/problem.ts";
import { readConfigurations, type ConfigurationFiles, type Configurations } from "./read-configurations.ts";

export type ConfigurationMessage =
  | { readonly kind: "reading"; readonly file: string }
  | { readonly kind: "read"; readonly configurations: Configurations }
  | { readonly kind: "wrong"; readonly problems: readonly Problem[] };

function tell(message: ConfigurationMessage): void {
  parentPort?.postMessage(message);
}

try {
  const configurations = await readConfigurations(workerData as ConfigurationFiles, (file) =>
    tell({ kind: "reading", file }),
  );
  tell({ kind: "read", configurations });
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  tell({ kind: "wrong", problems: error.problems });
}
