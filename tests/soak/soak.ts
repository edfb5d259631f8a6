// A partition under twenty servers and many consumers, all of which misbehave, for hours: `npm run soak -- --hours H`.
//
// Promises to prove: no value that looks good is wrong, at least 99.99 % of the values that are due outside injected outages come, and
// nothing in the partition grows. Writes a page of figures; the exit code is 1 when a promise was broken. SIGINT and SIGTERM end it early,
// with the same page. It says what the seed was; the same seed disturbs the same things after the same pauses.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { pageOf } from "./page.ts";
import { Run, SoakError } from "./run.ts";

const help = `npm run soak -- [--hours H] [--minutes M] [--seed N] [--pace P] [--report FILE] [--partition-log FILE]

  --hours H, --minutes M   how long; together; default: 10 minutes
  --seed N                 what is done when; default: a new one, which is told
  --pace P                 that many times as many disturbances as usual; default: 1
  --report FILE            where the page of figures goes; default: standard output
  --partition-log FILE     where the partition's log goes; default: nowhere
`;

const defaultMs = 600_000;

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "0" },
    minutes: { type: "string", default: "0" },
    seed: { type: "string" },
    pace: { type: "string", default: "1" },
    report: { type: "string" },
    "partition-log": { type: "string" },
    help: { type: "boolean", default: false },
  },
});

/** Undefined, and told, when it is none. */
function numberOf(name: "hours" | "minutes" | "seed" | "pace", text: string): number | undefined {
  const number = Number(text);
  if (text.trim() !== "" && number >= 0 && Number.isFinite(number)) return number;
  process.stderr.write(`cannot soak because --${name} is "${text}"; a number from 0 is right\n`);
  return undefined;
}

async function soak(): Promise<number> {
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const hours = numberOf("hours", values.hours);
  const minutes = numberOf("minutes", values.minutes);
  const seed = numberOf("seed", values.seed ?? String(randomBytes(4).readUInt32LE()));
  const pace = numberOf("pace", values.pace);
  if (hours === undefined || minutes === undefined || seed === undefined || pace === undefined) return 2;
  const durationMs = Math.round(hours * 3_600_000 + minutes * 60_000) || defaultMs;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  const run = new Run({ durationMs, seed, pace, logFile: values["partition-log"] });
  const { page, broken } = pageOf(await run.toTheEnd(stop.signal));
  if (values.report === undefined) process.stdout.write(page);
  else writeFileSync(values.report, page);
  for (const promise of broken) process.stderr.write(`BROKEN: ${promise}\n`);
  return broken.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await soak();
} catch (error) {
  if (!(error instanceof SoakError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
