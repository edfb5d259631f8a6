// The answers of the long tests and of the benchmarks of the process image as a page: write-report.ts ANSWERS SECONDS > PAGE
//
// ANSWERS has a line of JSON for each answer (`tell` in report.ts); SECONDS is how long all of it took.

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { machine, rounded, type Answer } from "./report.ts";

const [file = "", seconds = ""] = process.argv.slice(2);
const answers = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Answer);
const { cpu, cores, memoryGiB, node, commit } = machine();

const sections = answers.map(({ question, lines, remarks = [] }) => {
  const hasWanted = lines.some(({ wanted }) => wanted !== undefined);
  const rows = lines.map(({ what, figure, wanted }) => [what, rounded(figure), ...(hasWanted ? [wanted ?? ""] : [])]);
  const table = [
    ["", "figure", ...(hasWanted ? ["wanted"] : [])],
    ["---", "---:", ...(hasWanted ? ["---:"] : [])],
    ...rows,
  ];
  return [
    `## ${question}`,
    table.map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
    ...remarks.map((remark) => `- ${remark}`),
  ].join("\n\n");
});

const page = [
  "# The process image in figures",
  "Written by `npm run test:long`, which runs the long tests of the readers and then the benchmarks of the image. Do not edit.",
  `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, Linux; commit ${commit}; ${new Date().toISOString().slice(0, 10)}; ` +
    `${seconds} seconds in all; load average at the end ${loadavg()
      .map((load) => load.toFixed(1))
      .join(", ")}.`,
  ...sections,
];
process.stdout.write(`${page.join("\n\n")}\n`);
