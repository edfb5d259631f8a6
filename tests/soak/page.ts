// The outcome of a soak as a page, and which promises it broke.

import { machine } from "../../benchmarks/report.ts";
import { oldestGoodMs, oldestInDocumentMs, pointsPerServer, recoveryMs, servers } from "./plan.ts";
import type { Outcome } from "./run.ts";
import { slopeOf, type Sample } from "./slope.ts";

const wantedShare = 0.9999;
const wantedExitMs = 5000;

export function pageOf(outcome: Outcome): { readonly page: string; readonly broken: readonly string[] } {
  const broken = brokenPromises(outcome);
  const { seed, pace } = outcome.options;
  const { cpu, cores, memoryGiB, node, commit } = machine();
  const page = [
    "# Soak",
    "Written by `npm run soak -- --hours H --report FILE`; do not edit. `tests/soak` says what is done and what counts.",
    `${minutes(outcome.judgedMs)} from ${outcome.startedAt.toISOString().slice(0, 16).replace("T", " ")} UTC, seed ${seed}, pace ${pace}; ${cores} cores of ${cpu}, ` +
      `${memoryGiB} GiB, Node ${node}, commit ${commit}; load average at the end ${outcome.loadAverage.map((load) => load.toFixed(1)).join(", ")}.`,
    broken.length === 0 ? "**Every promise held.**" : `**Broken:**\n\n${list(broken)}`,
    ...promises(outcome),
    ...growth(outcome),
    ...whatWasDone(outcome),
    ...details(outcome),
  ];
  return { page: `${page.join("\n\n")}\n`, broken };
}

function brokenPromises(outcome: Outcome): readonly string[] {
  const { seen, exitCode, exitMs, leftInSharedMemory } = outcome;
  const {
    documents,
    ended,
    judge: { verdict },
  } = seen;
  const share = verdict.delivered / verdict.due;
  const grown = slopes(outcome).filter(({ slope }) => slope?.isUpward === true);
  return [
    ...(verdict.wrongAsGood === 0 ? [] : [`${verdict.wrongAsGood} values were wrong and looked good`]),
    ...(share >= wantedShare ? [] : [`${percent(share)} of the due values were delivered`]),
    ...(verdict.judged > 0 && documents.steady.judged > 0 ? [] : ["nothing was seen"]),
    ...(documents.steady.unreadable === 0
      ? []
      : [`${documents.steady.unreadable} documents could not be read by the consumer that nobody disturbed`]),
    ...grown.map(({ name }) => `${name} grows`),
    ...ended,
    ...(exitCode === 0 ? [] : [`the partition ended with ${exitCode ?? "a signal"}`]),
    ...(exitMs <= wantedExitMs ? [] : [`SIGTERM to exit took ${Math.round(exitMs)} ms`]),
    ...(leftInSharedMemory.length === 0 ? [] : [`left in shared memory: ${leftInSharedMemory.join(", ")}`]),
  ];
}

function promises({ seen: { documents, judge } }: Outcome): readonly string[] {
  const { verdict } = judge;
  const { due, delivered, errorsShown, excused, judged, wrongAsGood } = verdict;
  const bounds = `${oldestGoodMs("modbus")} (Modbus), ${oldestGoodMs("opcua")} (OPC UA)`;
  return [
    "## What held",
    table(
      ["", "figure", "wanted"],
      [
        ["servers, points", `${servers.length}, ${servers.length * pointsPerServer}`, ""],
        ["values due outside injected outages", due, ""],
        ["delivered", delivered, ""],
        ["of these bad, as the server said", errorsShown, ""],
        ["missing", due - delivered, ""],
        ["share delivered", percent(delivered / due), percent(wantedShare)],
        ["not due, because of an injected outage", excused, ""],
        ["good values judged in the images", judged, ""],
        ["good values judged in documents", documents.steady.judged + documents.disturbed.judged, ""],
        ["wrong as good", wrongAsGood, 0],
        ["oldest value that looked good, ms", verdict.oldestGoodMs, bounds],
        ["the same in a document, ms", documents.steady.oldestMs, documentBounds(false)],
        ["the same in a document whose consumers misbehave, ms", documents.disturbed.oldestMs, documentBounds(true)],
      ],
    ),
    "A value is wrong as good when it belongs to another point, comes from the future, is older than the bound, stands under a lost connection, or the server " +
      "answered with an error and the value does not say so. The bound is the interval, one time-out for each request of a poll (a silent server is " +
      "found out by that, and its values look good until then) and 300 ms for a busy machine; in a document, 200 ms and an interval more, and one more " +
      "where a document is left out because a consumer holds the guard. " +
      `A value is not due while its server is away on purpose and ${recoveryMs.modbus} ms (Modbus) or ${recoveryMs.opcua} ms (OPC UA) after: time-out, farewell, ` +
      "`retryInterval`, connection.",
  ];
}

function documentBounds(isDisturbed: boolean): string {
  return `${oldestInDocumentMs("modbus", isDisturbed)}, ${oldestInDocumentMs("opcua", isDisturbed)}`;
}

function growth(outcome: Outcome): readonly string[] {
  const rows = slopes(outcome).map(({ name, samples, slope }) => {
    const show = shower(name);
    const [first, last] = [samples.at(0)?.value ?? 0, samples.at(-1)?.value ?? 0];
    if (slope === undefined) return [name, show(first), show(last), "", "", "too short to say"];
    const { level, perHour, lowPerHour, highPerHour, isUpward } = slope;
    const interval = `${show(lowPerHour)} to ${show(highPerHour)}`;
    return [
      name,
      show(first),
      show(last),
      show(level),
      `${show(perHour)} (${interval})`,
      isUpward ? "**grows**" : "level",
    ];
  });
  return [
    "## What grew",
    table(["of the partition's process", "first", "last", "median", "slope per hour (95 % interval)", "verdict"], rows),
    "Sampled every 10 s; memory in MiB. The first fifth is warm-up. Of each sixtieth of the run the least value counts, because a leak raises the least as well, " +
      "and what was given back in between is none. The slope is Theil's, its interval Sen's. Something grows when the whole interval is above zero and the slope " +
      "above 1 % of the median in an hour. Less than half an hour says nothing.",
  ];
}

function whatWasDone({ disturbances, tokensRenewed, seen: { answers, images } }: Outcome): readonly string[] {
  const connects = [...images.values()].reduce((sum, image) => sum + image.connects, 0);
  return [
    "## What was done to it",
    table(
      ["", "times"],
      [
        ...disturbances,
        ...Array.from(answers, ([what, times]) => [`answered with ${what}`, times]),
        ["channel tokens renewed (of living servers)", tokensRenewed],
        ["connections made", connects],
      ],
    ),
  ];
}

function details(outcome: Outcome): readonly string[] {
  const { images, documents, errorRecords, judge, longestHeartbeatMs, longestHoldUpMs } = outcome.seen;
  const { verdict } = judge;
  const recoveries = verdict.recoveriesMs.toSorted((a, b) => a - b);
  const rows = [...images].flatMap(([protocol, image]) => [
    [`${protocol}: guard time-outs, seizures`, `${image.guardTimeouts}, ${image.guardSeizures}`],
    [`${protocol}: objects put back`, image.objectsRestored],
    [`${protocol}: generations of the image`, image.generation],
    [`${protocol}: ticks missed, instants overrun`, `${image.ticksMissed}, ${image.overruns}`],
    [`${protocol}: publications overtaken before they were seen`, image.unseen],
  ]);
  return [
    "## What else was seen",
    table(
      ["", "figure"],
      [
        ...rows,
        ["longest age of a heartbeat, ms", longestHeartbeatMs],
        ["from the end of an outage to the next values, median and longest, ms", medianAndLongest(recoveries)],
        ["documents read, undisturbed consumer", documents.steady.read],
        ["documents read, disturbed consumers", documents.disturbed.read],
        ["of these unreadable", documents.disturbed.unreadable],
        ["processor time of the partition, share of one core", percent(outcome.partitionCpuShare)],
        ["longest hold-up of the soak's own process, ms", longestHoldUpMs],
        ["SIGTERM to exit, ms", Math.round(outcome.exitMs)],
        ["errors in the partition's log", [...errorRecords.values()].reduce((sum, times) => sum + times, 0)],
      ],
    ),
    ...lists("Wrong as good", verdict.wrong),
    ...lists("Missing", verdict.missing),
    ...lists(
      "Errors in the log",
      Array.from(errorRecords, ([text, times]) => `${times} times: ${text}`),
    ),
  ];
}

function slopes({ seen: { series } }: Outcome) {
  return Array.from(series, ([name, samples]: readonly [string, readonly Sample[]]) => ({
    name,
    samples,
    slope: slopeOf(samples),
  }));
}

function shower(name: string): (value: number) => string {
  const isBytes = name.includes("heap") || (name.includes("memory") && !name.includes("mappings"));
  return (value) => (isBytes ? (value / 2 ** 20).toFixed(2) : String(Math.round(value * 100) / 100));
}

function medianAndLongest(ordered: readonly number[]): string {
  return `${ordered[Math.floor(ordered.length / 2)] ?? "-"}, ${ordered.at(-1) ?? "-"}`;
}

function lists(title: string, entries: readonly string[]): readonly string[] {
  return entries.length === 0 ? [] : [`### ${title}`, list(entries)];
}

function list(entries: readonly string[]): string {
  return entries.map((entry) => `- ${entry}`).join("\n");
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(4)} %`;
}

function minutes(durationMs: number): string {
  return `${(durationMs / 60_000).toFixed(1)} minutes`;
}
