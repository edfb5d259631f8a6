// Metrics pushed by OTLP, by OpenTelemetry's SDK; loaded only where OTEL_* variables ask for it. The only file that imports OpenTelemetry.
//
// The values come from elsewhere, whole histograms among them, which no observable instrument can take: a metric producer, OpenTelemetry's
// bridge from other sources, takes them all, without a second set of counters and without the instruments' limit of 2000 series.

import type { HrTime } from "@opentelemetry/api";
import { ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type CollectionResult,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { Log } from "@cpc-partition/process/log";
import { boundsSeconds } from "../observation/coarse-histogram.ts";
import type { Series } from "./series.ts";

const defaultIntervalMs = 60_000;
const longestExportMs = 30_000;

export interface Push {
  /** Resolves when the last figures are sent, or cannot be. */
  readonly stop: () => Promise<void>;
}

/** The exporter itself reads where to and how; the interval is for its reader. */
export function startPush(read: () => readonly Series[], environment: NodeJS.ProcessEnv, log: Log): Push {
  const interval = Number(environment["OTEL_METRIC_EXPORT_INTERVAL"]);
  const exportIntervalMillis = interval > 0 ? interval : defaultIntervalMs;
  const reader = new PeriodicExportingMetricReader({
    exporter: new LoggedExporter(log),
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(exportIntervalMillis, longestExportMs),
    metricProducers: [producer(read)],
  });
  const resource = resourceFromAttributes({ "service.name": "cpc-partition" }).merge(
    detectResources({ detectors: [envDetector] }),
  );
  const provider = new MeterProvider({ readers: [reader], resource });
  return { stop: async () => await provider.shutdown() };
}

/** The SDK keeps what goes wrong to itself. Logged once for each reason, and when it is over. */
class LoggedExporter extends OTLPMetricExporter {
  readonly #log: Log;
  #logged = "";

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  override export(...[metrics, done]: Parameters<OTLPMetricExporter["export"]>): void {
    super.export(metrics, (result) => {
      const { error } = result;
      const reason = error === undefined ? "" : error.message || error.name;
      if (reason !== this.#logged)
        if (reason === "") this.#log("info", "metrics are pushed by OTLP again");
        else
          this.#log(
            "warn",
            `cannot push metrics by OTLP because ${reason}; look at the OTEL_* variables and the collector`,
          );
      this.#logged = reason;
      done(result);
    });
  }
}

function producer(read: () => readonly Series[]): MetricProducer {
  const startTime = instant(Date.now());
  return {
    collect: async (): Promise<CollectionResult> => {
      const endTime = instant(Date.now());
      const metrics = read().map((series) => metricData(series, startTime, endTime));
      const scope = { name: "cpc-partition" };
      return Promise.resolve({
        resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics: [{ scope, metrics }] },
        errors: [],
      });
    },
  };
}

function metricData(series: Series, startTime: HrTime, endTime: HrTime): MetricData {
  const { name, help, unit } = series;
  const common = {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (series.kind === "histogram") {
    const boundaries = [...boundsSeconds];
    return {
      ...common,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: series.samples.map(({ labels, value: { counts, count } }) => ({
        startTime,
        endTime,
        attributes: labels,
        value: { buckets: { boundaries, counts: [...counts] }, count },
      })),
    };
  }
  const dataPoints = series.samples.map(({ labels, value }) => ({ startTime, endTime, attributes: labels, value }));
  return series.kind === "gauge"
    ? { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
    : { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function instant(unixMs: number): HrTime {
  return [Math.floor(unixMs / 1000), (unixMs % 1000) * 1e6];
}
