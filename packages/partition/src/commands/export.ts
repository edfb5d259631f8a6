// `cpc export`: the values of a service, with status and times, for a file or another program.

import { extname } from "node:path";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { patternOf } from "@cpc-partition/process/glob";
import { stopSignal } from "@cpc-partition/process/signals";
import { printError } from "@cpc-partition/process/standard-error";
import { openRowOutput, exportFormats, type ExportFormat, type RowOutput } from "./exported-output.ts";
import { ExportedValues } from "./exported-values.ts";

export interface ExportSettings {
  readonly prefix: string;
  readonly csv: boolean;
  readonly ndjson: boolean;
  readonly parquet: boolean;
  /** Seconds between two exports of all values; undefined: once, or with `follow` every change. */
  readonly interval: number | undefined;
  readonly follow: boolean;
  /** Seconds until it ends by itself. */
  readonly duration: number | undefined;
  /** Keys with `*` and `?`. */
  readonly point: string | undefined;
  readonly output: string | undefined;
}

/** Timers count in milliseconds up to 2^31. */
const longestDurationSeconds = 2_000_000;

export async function exportValues(service: ServiceName, settings: ExportSettings): Promise<ExitCode> {
  const { prefix, interval, follow, point, output: file } = settings;
  const pattern = point === undefined ? undefined : patternOf(point);
  const stop = new AbortController();
  using values = new ExportedValues(prefix, service, (key) => pattern?.test(key) !== false, stop.signal);
  if ((settings.duration ?? 0) > longestDurationSeconds)
    throw new CommandError(
      "cannot export for more than 24 days at a time; leave --duration out to go on until it is stopped",
    );
  const isEndless = interval !== undefined || follow;
  // Before a file is made: there may be nothing to put into it.
  const first = isEndless ? [] : values.now();
  if (!isEndless && first.length === 0)
    throw new CommandError(`no point has a key like ${point}; nothing was exported`);
  const output = await openRowOutput(formatOf(settings), file);
  void stopSignal("SIGHUP").then(() => stop.abort());
  process.stdout.once("close", () => stop.abort());
  const timer = endAfter(settings.duration, stop);
  try {
    if (!isEndless) await output.write(first);
    else
      await writeAll(interval === undefined ? values.changes() : values.everyInterval(interval * 1000), output, stop);
  } finally {
    clearTimeout(timer);
    await output.end();
  }
  return ExitCode.fine;
}

async function writeAll(
  rows: ReturnType<ExportedValues["changes"]>,
  output: RowOutput,
  { signal }: AbortController,
): Promise<void> {
  let written = 0;
  for await (const some of rows) {
    await output.write(some);
    written += some.length;
    if (signal.aborted) break;
  }
  if (written === 0) printError("nothing was exported");
}

function endAfter(seconds: number | undefined, stop: AbortController): NodeJS.Timeout | undefined {
  return seconds === undefined ? undefined : setTimeout(() => stop.abort(), seconds * 1000);
}

/** As asked for; else as the name of the file ends; else CSV. */
function formatOf(settings: ExportSettings): ExportFormat {
  const ending = settings.output === undefined ? "" : extname(settings.output).slice(1).toLowerCase();
  return exportFormats.find((format) => settings[format]) ?? exportFormats.find((format) => format === ending) ?? "csv";
}
