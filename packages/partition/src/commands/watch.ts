// `cpc watch`: the process images, live on a terminal. A reader like any other.

import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { stopSignal } from "@cpc-partition/process/signals";
import type { SortOrder } from "./point-rows.ts";
import { LiveView } from "./watch/live-view.ts";

export interface WatchSettings {
  readonly prefix: string;
  readonly filter: string;
  readonly sort: SortOrder;
}

export async function watch(settings: WatchSettings): Promise<ExitCode> {
  if (!process.stdout.isTTY || !process.stdin.isTTY) {
    throw new CommandError("cannot watch because this is no terminal; for programs there is: cpc dump --image --json");
  }
  using view = new LiveView(settings);
  await Promise.race([view.quit, stopSignal("SIGHUP")]);
  return ExitCode.fine;
}
