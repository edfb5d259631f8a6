import assert from "node:assert/strict";
import { test } from "node:test";
import { exposition, formatFor } from "../../../packages/monitor/src/metrics/exposition.ts";
import type { Series } from "../../../packages/monitor/src/metrics/series.ts";
import { boundsSeconds } from "../../../packages/monitor/src/observation/coarse-histogram.ts";

const labels = { service: "opcua", server: 'Kessel "1"\\\n' };
const labelText = 'service="opcua",server="Kessel \\"1\\"\\\\\\n"';
const series: readonly Series[] = [
  { kind: "counter", name: "cpc_losses_total", help: "losses", unit: "1", samples: [{ labels, value: 3 }] },
  { kind: "gauge", name: "cpc_document_bytes", help: "size", unit: "By", samples: [{ labels: {}, value: 0.5 }] },
  {
    kind: "histogram",
    name: "cpc_poll_duration_seconds",
    help: "polls",
    unit: "s",
    samples: [{ labels, value: { counts: [1, 0, 2, ...boundsSeconds.slice(3).map(() => 0), 4], count: 7 } }],
  },
];

function lines(format: "text" | "OpenMetrics", name: string): readonly string[] {
  return exposition(series, format)
    .split("\n")
    .filter((line) => line.includes(name));
}

test("a counter's family has its suffix in the text format alone, and its sample in both", () => {
  const sample = `cpc_losses_total{${labelText}} 3`;
  assert.deepEqual(lines("text", "cpc_losses"), [
    "# HELP cpc_losses_total losses",
    "# TYPE cpc_losses_total counter",
    sample,
  ]);
  assert.deepEqual(lines("OpenMetrics", "cpc_losses"), [
    "# HELP cpc_losses losses",
    "# TYPE cpc_losses counter",
    sample,
  ]);
});

test("OpenMetrics has units where the name has them, and an end", () => {
  assert.deepEqual(lines("OpenMetrics", "UNIT"), [
    "# UNIT cpc_document_bytes bytes",
    "# UNIT cpc_poll_duration_seconds seconds",
  ]);
  assert.deepEqual(lines("text", "UNIT"), []);
  assert.deepEqual(lines("OpenMetrics", "cpc_document_bytes").at(-1), "cpc_document_bytes 0.5");
  assert.match(exposition(series, "OpenMetrics"), /\n# EOF\n$/);
  assert.doesNotMatch(exposition(series, "text"), /EOF/);
});

test("buckets are cumulative up to +Inf; a count without a sum is for the text format", () => {
  const text = lines("text", "cpc_poll_duration_seconds_");
  const counts = text.filter((line) => line.includes("_bucket")).map((line) => line.split(" ").at(-1));
  assert.deepEqual(counts, ["1", "1", ...boundsSeconds.slice(2).map(() => "3"), "7"]);
  assert.equal(text.at(-2), `cpc_poll_duration_seconds_bucket{${labelText},le="+Inf"} 7`);
  assert.equal(text.at(-1), `cpc_poll_duration_seconds_count{${labelText}} 7`);
  assert.deepEqual(lines("OpenMetrics", "cpc_poll_duration_seconds_"), text.slice(0, -1));
});

test("whoever asks for OpenMetrics gets it, everybody else text", () => {
  const prometheus =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  for (const accept of [
    prometheus,
    "application/openmetrics-text",
    "Application/OpenMetrics-Text; q=0.3, text/plain;q=0.2",
  ])
    assert.equal(formatFor(accept), "OpenMetrics", accept);
  for (const accept of [
    undefined,
    "",
    "*/*",
    "text/html,*/*;q=0.8",
    "application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5",
    "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4",
    "application/openmetrics-text;q=0",
    "application/openmetrics-text;q=nonsense",
  ])
    assert.equal(formatFor(accept), "text", accept);
});
