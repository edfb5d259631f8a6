// Metrics as text that Prometheus scrapes, in two formats: the text format 0.0.4, and OpenMetrics 1.0 for whoever asks for it. Pure.
//
//   # HELP cpc_server_reconnects connections after the first     (in 0.0.4 a counter's family has its suffix here, too)
//   # TYPE cpc_server_reconnects counter
//   cpc_server_reconnects_total{service="opcua",server="Turbine"} 3
//   ...
//   # EOF                                                         (OpenMetrics alone)
//
// OpenTelemetry's exporter writes the text format only, with units that are none of its names' suffixes; it is loaded where metrics are
// pushed (open-telemetry.ts).
//
// https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md

import { boundsSeconds, type CoarseHistogram } from "../observation/coarse-histogram.ts";
import type { Labels, Series } from "./series.ts";

export type Format = "text" | "OpenMetrics";

export const contentTypes: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  OpenMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** What a client wants that sends this Accept header: OpenMetrics where it is at least as welcome as plain text. */
export function formatFor(accept: string | undefined): Format {
  const ranges = (accept ?? "").split(",").map((range) => range.split(";").map((part) => part.trim().toLowerCase()));
  const quality = (isMeant: (type: string, version: string | undefined) => boolean): number => {
    const fitting = ranges.filter(([type = "", ...rest]) => isMeant(type, parameter(rest, "version")));
    return Math.max(0, ...fitting.map(([, ...rest]) => Number(parameter(rest, "q") ?? 1)));
  };
  const open = quality(
    (type, version) => type === "application/openmetrics-text" && ["1.0.0", undefined].includes(version),
  );
  const plain = quality((type, version) => type === "text/plain" && ["0.0.4", undefined].includes(version));
  return open > 0 && open >= plain ? "OpenMetrics" : "text";
}

function parameter(parts: readonly string[], name: string): string | undefined {
  return parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
}

export function exposition(all: readonly Series[], format: Format): string {
  const texts = new LabelTexts();
  let text = "";
  for (const series of all) text += family(series, format) + samples(series, format, texts);
  return format === "OpenMetrics" ? `${text}# EOF\n` : text;
}

/** A unit has to be the suffix of the family's name (OpenMetrics, section Unit). */
const units = ["seconds", "bytes"];

function family({ name, help, kind }: Series, format: Format): string {
  const isOpen = format === "OpenMetrics";
  const familyName = isOpen && kind === "counter" ? name.replace(/_total$/, "") : name;
  const unit = isOpen ? units.find((one) => familyName.endsWith(`_${one}`)) : undefined;
  const unitLine = unit === undefined ? "" : `# UNIT ${familyName} ${unit}\n`;
  return `# HELP ${familyName} ${help}\n# TYPE ${familyName} ${kind}\n${unitLine}`;
}

function samples(series: Series, format: Format, texts: LabelTexts): string {
  let text = "";
  if (series.kind === "histogram") {
    for (const { labels, value } of series.samples)
      text += histogramSamples(series.name, texts.of(labels), value, format);
    return text;
  }
  for (const { labels, value } of series.samples) {
    const inside = texts.of(labels);
    text += inside === "" ? `${series.name} ${value}\n` : `${series.name}{${inside}} ${value}\n`;
  }
  return text;
}

const bounds = [...boundsSeconds.map(String), "+Inf"];

/** The images have no sum of durations. In OpenMetrics there is a count where there is a sum, and only there; its bucket +Inf has the same value. */
function histogramSamples(name: string, labels: string, { counts, count }: CoarseHistogram, format: Format): string {
  const before = labels === "" ? `${name}_bucket{le="` : `${name}_bucket{${labels},le="`;
  let text = "";
  let soFar = 0;
  for (const [index, bound] of bounds.entries()) {
    soFar += counts[index] ?? 0;
    text += `${before}${bound}"} ${soFar}\n`;
  }
  return format === "text" ? `${text}${name}_count${labels === "" ? "" : `{${labels}}`} ${count}\n` : text;
}

/** Many samples of a server have the same labels. */
class LabelTexts {
  readonly #known = new Map<Labels, string>();

  of(labels: Labels): string {
    let text = this.#known.get(labels);
    if (text === undefined) {
      text = "";
      for (const name of Object.keys(labels)) text += `${text && ","}${name}="${escaped(labels[name] ?? "")}"`;
      this.#known.set(labels, text);
    }
    return text;
  }
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}
