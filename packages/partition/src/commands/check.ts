// `cpc check`: validates configuration files and prints the plan: servers, points, requests in a cycle, size of the document. With `--against`
// it asks the real servers instead, and prints what differs.

import { comparisonJson, comparisonLines } from "./comparison-text.ts";
import { compareInThreads } from "./compare-in-threads.ts";
import { ownVersion } from "./own-version.ts";
import { ConfigurationError } from "../configuration/problem.ts";
import type { CheckOrder, CheckReport } from "./check-configurations.ts";
import { pointLines, pointsJson } from "./point-plan.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { checkInThread, printProblems } from "./load-configurations.ts";
import { namesFileOf, type StateSettings } from "./state-settings.ts";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface CheckSettings extends StateSettings {
  readonly requireSecurity: boolean;
  readonly withoutSecrets: boolean;
  /** Each point is listed. */
  readonly points: boolean;
  /** The list of points, or of differences, is JSON, and nothing else is on standard output. */
  readonly json: boolean;
  /** The servers are asked. */
  readonly against: boolean;
  /** Seconds; of points that have no interval of their own. */
  readonly interval: number;
  /** Seconds; longest time for each server. */
  readonly within: number;
}

/** Throws one ConfigurationError with the problems of all files, after the plans of valid configurations are printed. */
export async function check(
  paths: readonly string[],
  settings: CheckSettings,
  checking: (order: CheckOrder) => Promise<CheckReport> = checkInThread,
): Promise<ExitCode> {
  const { certificates: certificatesDirectory, requireSecurity, withoutSecrets, points, json, against } = settings;
  const intervalMs = settings.interval * 1000;
  const namesFile = namesFileOf(settings);
  const rules = { certificatesDirectory, requireSecurity, withoutSecrets };
  const order = { paths, namesFile, points: points || (json && !against), intervalMs, configurations: against };
  const report = await checking({ ...order, ...rules });
  printProblems(report.warnings);
  printProblems(report.hints);
  for (const trouble of report.trouble) printError(terminalLine(trouble));
  if (withoutSecrets)
    printError("references to secrets were not followed: whether they lead to a secret is not checked");
  if (against) {
    if (report.problems.length > 0) throw new ConfigurationError(report.problems);
    return await compare(report, settings);
  }
  if (json) {
    if (report.problems.length === 0) for (const line of pointsJson(report.services)) print(line);
  } else {
    for (const file of report.validFiles) print(`${terminalLine(file)} is valid`);
    for (const { plan, points: listed } of report.problems.length > 0 ? [] : report.services)
      for (const line of [...plan, ...pointLines(listed)]) print(line);
  }
  if (report.problems.length > 0) throw new ConfigurationError(report.problems);
  return ExitCode.fine;
}

async function compare({ services, validFiles }: CheckReport, settings: CheckSettings): Promise<ExitCode> {
  const orders = services.flatMap(({ service, configuration }) =>
    configuration === undefined
      ? []
      : [
          {
            service,
            configuration,
            intervalMs: settings.interval * 1000,
            certificatesDirectory: settings.certificates,
            withinMs: settings.within * 1000,
          },
        ],
  );
  const compared = await compareInThreads(orders);
  const head = { files: validFiles, at: new Date().toISOString(), version: ownVersion() };
  for (const line of settings.json ? comparisonJson(head, compared) : comparisonLines(head, compared)) print(line);
  return compared.some(({ differences }) => differences.length > 0) ? ExitCode.failed : ExitCode.fine;
}
