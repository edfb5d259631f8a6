// Samples to figures, figures to a table or to JSON.

import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";

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

/** One line of an answer: a quantity with its unit in its name, and the figure that was wanted, if one was. */
export interface Line {
  readonly what: string;
  readonly figure: number | string;
  readonly wanted?: string;
  /** What is wanted, as a number in the unit of the figure. */
  readonly atMost?: number;
}

export function wantedOf({ wanted, atMost }: Line): string | undefined {
  return wanted ?? (atMost === undefined ? undefined : `at most ${atMost}`);
}

export interface Answer {
  readonly question: string;
  readonly lines: readonly Line[];
  /** What a reader of the figures has to know. */
  readonly remarks?: readonly string[];
}

/** How figures came about. */
interface Circumstances {
  readonly machine: Machine;
  /** Over one minute, as uptime(1) has it: what else the machine did. */
  readonly loadAverage: number;
  readonly date: string;
}

export interface Told extends Answer, Circumstances {}

export function circumstances(): Circumstances {
  return {
    machine: machine(),
    loadAverage: loadavg()[0] ?? Number.NaN,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** A table, or JSON with `--json`; and a line of JSON at the end of the file that CPC_ANSWERS names, for benchmarks/write-report.ts. */
export function tell(answer: Answer): void {
  const { question, lines, remarks = [] } = answer;
  const logged: Told = { ...answer, ...circumstances() };
  const file = process.env["CPC_ANSWERS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(logged)}\n`);
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify(logged, null, 2)}\n`);
    return;
  }
  const width = Math.max(...lines.map(({ what }) => what.length));
  const rows = lines.map((line) => {
    const wanted = wantedOf(line);
    return `${line.what.padEnd(width)}  ${rounded(line.figure).padStart(12)}${wanted === undefined ? "" : `   wanted: ${wanted}`}`;
  });
  const notes = [...remarks, howItCameAbout(logged)].map((remark) => `  (${remark})`);
  process.stdout.write(`${[question, "", ...rows, ...notes].join("\n")}\n\n`);
}

export function howItCameAbout({
  machine: { cpu, cores, memoryGiB, node, commit: version },
  loadAverage,
  date,
}: Circumstances): string {
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, commit ${version}, load average ${loadAverage.toFixed(1)}, ${date}`;
}

/** Three digits that mean something. */
export function rounded(figure: number | string): string {
  if (typeof figure === "string") return figure;
  if (Number.isInteger(figure) || figure >= 100) return Math.round(figure).toLocaleString("en");
  return figure.toPrecision(3);
}
