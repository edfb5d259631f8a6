// Prints each fault as it is done with, and at the end a table of all and how many passed. For `node --test-reporter`.

import { inspect } from "node:util";
import type { TestEvent } from "node:test/reporters";
import { plainTable } from "../../packages/partition/src/commands/value-table.ts";

interface Row {
  readonly fault: string;
  readonly holds: string;
  readonly seconds: string;
  readonly result: "passed" | "FAILED" | "skipped";
}

const columns = [56, 90, 8, 8];

export default async function* tableReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const rows: Row[] = [];
  /** Of the fault that is being tried, by file: what it promises, and why that did not hold. */
  const claims = new Map<string, { holds: string; reason: string }>();
  for await (const event of source) {
    if (event.type === "test:diagnostic" || (event.type !== "test:pass" && event.type !== "test:fail")) continue;
    const { name, nesting, file = "", details, skip } = event.data;
    const reason = event.type === "test:fail" ? failureText(event.data.details.error) : "";
    if (nesting > 1) continue;
    if (nesting === 1) {
      claims.set(file, { holds: name, reason: typeof skip === "string" ? skip : reason });
      if (skip === undefined || skip === false) continue;
    }
    const claim = claims.get(file);
    if (nesting === 1) continue;
    claims.delete(file);
    const isSkipped = claim !== undefined && event.type === "test:pass" && claim.reason !== "";
    const result = event.type === "test:fail" ? "FAILED" : isSkipped ? "skipped" : "passed";
    const row = {
      fault: name,
      holds: claim?.holds ?? "",
      seconds: (details.duration_ms / 1000).toFixed(1),
      result,
    } as const;
    rows.push(row);
    yield `${row.result.padEnd(8)} ${row.seconds.padStart(7)} s  ${row.fault}\n`;
    if (result === "FAILED") yield `${[claim?.reason, reason].filter(Boolean).join("\n")}\n`;
    if (isSkipped) yield `         because ${claim.reason}\n`;
  }
  yield "\n";
  const table = plainTable(["Fault", "What held", "Seconds", "Result"], columns);
  table.options.wordWrap = true;
  for (const { fault, holds, seconds, result } of rows) table.push([fault, holds, seconds, result]);
  yield `${table.toString()}\n\n`;
  const count = (wanted: Row["result"]): number => rows.filter(({ result }) => result === wanted).length;
  const skipped = count("skipped") === 0 ? "" : `, ${count("skipped")} skipped`;
  yield `${count("passed")} passed, ${count("FAILED")} failed${skipped}\n`;
}

function failureText(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
}
