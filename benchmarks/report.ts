// Samples to figures, figures to a table or to JSON.

import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import type { Contest, CycleCost } from "./cycling-process.ts";

export interface Figures {
  readonly cycles: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly cpuMedianMs: number;
  readonly rssMiB: number;
  readonly documentBytes: number;
}

export interface Ratio {
  readonly question: string;
  readonly ours: Figures;
  readonly reference: Figures;
  /** The reference's median over ours. */
  readonly times: number;
  readonly wantedTimes: number;
  /** The same against the figure that was once measured for the reference itself. */
  readonly timesRecorded: number;
  readonly recordedReferenceMs: number;
  readonly machine: Machine;
}

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly commit: string;
}

/** The nearest-rank quantile of unordered samples. */
export function quantile(samples: readonly number[], fraction: number): number {
  const ordered = samples.toSorted((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil(fraction * ordered.length) - 1)] ?? Number.NaN;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    commit: commit(),
  };
}

function commit(): string {
  try {
    const command = ["describe", "--always", "--dirty", "--exclude", "*"];
    return execFileSync("git", command, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown"; // not a checkout
  }
}

export function compare(question: string, contest: Contest, wantedTimes: number, recordedReferenceMs: number): Ratio {
  const ours = figures(contest.ours);
  const reference = figures(contest.reference);
  return {
    question,
    ours,
    reference,
    times: reference.medianMs / ours.medianMs,
    wantedTimes,
    timesRecorded: recordedReferenceMs / ours.medianMs,
    recordedReferenceMs,
    machine: machine(),
  };
}

/** A table, or JSON with `--json` on the command line. */
export function print(ratio: Ratio): void {
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify(ratio, null, 2)}\n`);
    return;
  }
  const { ours, reference } = ratio;
  const { cpu, cores, memoryGiB, node, commit: version } = ratio.machine;
  const lines = [
    ratio.question,
    `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, commit ${version}`,
    "",
    "                    cycles  median ms     p99 ms     cpu ms  RSS MiB   document",
    row("this program", ours),
    row("Python reference", reference),
    "",
    `${ratio.times.toFixed(0)} times faster than the reference beside it, ` +
      `${ratio.timesRecorded.toFixed(0)} times faster than its recorded ${ratio.recordedReferenceMs} ms; wanted: ${ratio.wantedTimes}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function row(name: string, { cycles, medianMs, p99Ms, cpuMedianMs, rssMiB, documentBytes }: Figures): string {
  return [
    name.padEnd(18),
    String(cycles).padStart(7),
    ...[medianMs, p99Ms, cpuMedianMs].map((value) => value.toFixed(2).padStart(10)),
    rssMiB.toFixed(0).padStart(8),
    String(documentBytes).padStart(10),
  ].join(" ");
}

function figures(costs: readonly CycleCost[]): Figures {
  const wall = costs.map(({ wallMs }) => wallMs);
  return {
    cycles: costs.length,
    medianMs: quantile(wall, 0.5),
    p99Ms: quantile(wall, 0.99),
    cpuMedianMs: quantile(
      costs.map(({ cpuMs }) => cpuMs),
      0.5,
    ),
    rssMiB: Math.max(...costs.map(({ rssMiB }) => rssMiB)),
    documentBytes: costs.at(-1)?.bytes ?? 0,
  };
}

/** One line of an answer: a quantity with its unit in its name, and the figure that was wanted, if one was. */
export interface Line {
  readonly what: string;
  readonly figure: number | string;
  readonly wanted?: string;
}

export interface Answer {
  readonly question: string;
  readonly lines: readonly Line[];
  /** What a reader of the figures has to know. */
  readonly remarks?: readonly string[];
}

/** An answer, and how it came about. */
export interface Told extends Answer {
  readonly machine: Machine;
  /** Over one minute, as uptime(1) has it: what else the machine did. */
  readonly loadAverage: number;
  readonly date: string;
}

/** A table, or JSON with `--json`; and a line of JSON at the end of the file that CPC_ANSWERS names, for benchmarks/write-report.ts. */
export function tell(answer: Answer): void {
  const { question, lines, remarks = [] } = answer;
  const logged: Told = {
    ...answer,
    machine: machine(),
    loadAverage: loadavg()[0] ?? Number.NaN,
    date: new Date().toISOString().slice(0, 10),
  };
  const file = process.env["CPC_ANSWERS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(logged)}\n`);
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify(logged, null, 2)}\n`);
    return;
  }
  const width = Math.max(...lines.map(({ what }) => what.length));
  const rows = lines.map(
    ({ what, figure, wanted }) =>
      `${what.padEnd(width)}  ${rounded(figure).padStart(12)}${wanted === undefined ? "" : `   wanted: ${wanted}`}`,
  );
  const notes = [...remarks, howItCameAbout(logged)].map((remark) => `  (${remark})`);
  process.stdout.write(`${[question, "", ...rows, ...notes].join("\n")}\n\n`);
}

export function howItCameAbout({
  machine: { cpu, cores, memoryGiB, node, commit: version },
  loadAverage,
  date,
}: Told): string {
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, commit ${version}, load average ${loadAverage.toFixed(1)}, ${date}`;
}

/** Three digits that mean something. */
export function rounded(figure: number | string): string {
  if (typeof figure === "string") return figure;
  if (Number.isInteger(figure) || figure >= 100) return Math.round(figure).toLocaleString("en");
  return figure.toPrecision(3);
}
