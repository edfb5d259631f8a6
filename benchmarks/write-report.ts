// The answers of the long tests and of the benchmarks of the process image as a page: write-report.ts ANSWERS > PAGE
//
// ANSWERS has a line of JSON for each answer (`tell` in report.ts). Of several to one question the last one counts.

import { readFileSync } from "node:fs";
import { howItCameAbout, rounded, type Told } from "./report.ts";

const [file = ""] = process.argv.slice(2);
const answers = new Map<string, Told>();
for (const line of readFileSync(file, "utf8").trim().split("\n")) {
  const answer = JSON.parse(line) as Told;
  answers.set(answer.question, answer);
}

function section(answer: Told): string {
  const { question, lines, remarks = [] } = answer;
  const hasWanted = lines.some(({ wanted }) => wanted !== undefined);
  const row = (what: string, figure: string, wanted: string): string =>
    `| ${(hasWanted ? [what, figure, wanted] : [what, figure]).join(" | ")} |`;
  const table = [
    row("", "figure", "wanted"),
    row("---", "---:", "---:"),
    ...lines.map(({ what, figure, wanted }) => row(what, rounded(figure), wanted ?? "")),
  ];
  const notes = [...remarks, howItCameAbout(answer)].map((remark) => `- ${remark}`);
  return [`## ${question}`, table.join("\n"), notes.join("\n")].join("\n\n");
}

const page = [
  "# The process image in figures",
  "Written by `npm run test:long`, which runs the benchmarks of the image and then the long tests of its readers; do not edit. `npm run test:long -- " +
    "benchmarks` repeats the first half alone, for a moment when the machine is quiet: other work lengthens the figures, the 99th percentiles above all.",
  ...[...answers.values()].toSorted((a, b) => (a.question < b.question ? -1 : 1)).map(section),
];
process.stdout.write(`${page.join("\n\n")}\n`);
