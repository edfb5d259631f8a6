// The answers of the long tests and of the benchmarks of the process image as a page: write-report.ts ANSWERS SUBJECT > PAGE
//
// ANSWERS has a line of JSON for each answer (`tell` in report.ts). Of several to one question the last one counts.

import { readFileSync } from "node:fs";
import { howItCameAbout, rounded, wantedOf, type Told } from "./report.ts";

const [file = "", subject = ""] = process.argv.slice(2);
const answers = new Map<string, Told>();
for (const line of readFileSync(file, "utf8").trim().split("\n")) {
  const answer = JSON.parse(line) as Told;
  answers.set(answer.question, answer);
}

function section(answer: Told): string {
  const { question, lines, remarks = [] } = answer;
  const hasWanted = lines.some((line) => wantedOf(line) !== undefined);
  const row = (what: string, figure: string, wanted: string): string =>
    `| ${(hasWanted ? [what, figure, wanted] : [what, figure]).join(" | ")} |`;
  const table = [
    row("", "figure", "wanted"),
    row("---", "---:", "---:"),
    ...lines.map((line) => row(line.what, rounded(line.figure), wantedOf(line) ?? "")),
  ];
  const notes = [...remarks, howItCameAbout(answer)].map((remark) => `- ${remark}`);
  return [`## ${question}`, table.join("\n"), notes.join("\n")].join("\n\n");
}

const introductions: Readonly<Record<string, readonly string[]>> = {
  "process-image": [
    "# The process image in figures",
    "Written by `npm run test:long`, which runs the benchmarks of the image and then the long tests of its readers; do not edit. `npm run test:long -- " +
      "benchmarks` repeats the first half alone, for a moment when the machine is quiet: other work lengthens the figures, the 99th percentiles above all.",
  ],
  monitor: [
    "# The monitor in figures",
    "Written from `CPC_ANSWERS=answers.jsonl node benchmarks/monitor.ts` by `node benchmarks/write-report.ts answers.jsonl monitor`; do not edit. " +
      "Shares of a core are processor time and hold on a busy machine, too; milliseconds grow with its load.",
  ],
  bridge: [
    "# The bridge in figures",
    "Written from `CPC_ANSWERS=answers.jsonl` and `node benchmarks/bridge.ts`, `bridge-site.ts` and `bridge-queue.ts` by `node benchmarks/write-report.ts " +
      "answers.jsonl bridge`; do not edit. Other work on the machine lengthens ages and acknowledgements, and takes rate from engines; look at the load average.",
  ],
  fuzzing: [
    "# One million spoiled inputs",
    "Written by `npm run test:long -- fuzzing`; do not edit. Each section is a target of `tests/fuzzing`, whose head says what counts as a broken promise. " +
      "An input is made from the seed and its number alone, so that every failure can be had again; `CPC_FUZZ_SEED` gives other inputs. " +
      "A fault of node-opcua is an exception that the library throws where nobody can catch it; the service survives it " +
      "(`packages/partition/src/worker-thread/library-faults.ts`).",
  ],
};

const page = [
  ...(introductions[subject] ?? [`# ${subject}`]),
  ...[...answers.values()].toSorted((a, b) => (a.question < b.question ? -1 : 1)).map(section),
];
process.stdout.write(`${page.join("\n\n")}\n`);
