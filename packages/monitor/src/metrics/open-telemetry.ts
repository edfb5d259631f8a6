// The metrics as OpenTelemetry sees them: a producer of its SDK, read by the Prometheus exporter and, where OTEL_* variables ask for it,
// pushed by OTLP. The only file that imports OpenTelemetry.
//
// The values come from elsewhere, whole histograms among them, which no observable instrument can take: a metric producer, OpenTelemetry's
// bridge from other sources, takes them all, without a second set of counters and without the instruments' limit of 2000 series.

import type { HrTime } from "@opentelemetry/api";
import { ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type CollectionResult,
  type IMetricReader,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import { boundsSeconds } from "../observation/coarse-histogram.ts";
import type { Series } from "./series.ts";

const defaultPushIntervalMs = 60_000;

export class Metrics {
  readonly #exporter: PrometheusExporter;
  readonly #provider: MeterProvider;
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  /** Whether metrics are pushed by OTLP. */
  readonly isPushed: boolean;

  constructor(read: () => readonly Series[], environment: NodeJS.ProcessEnv) {
    const metricProducers = [producer(read)];
    this.#exporter = new PrometheusExporter({ preventServerStart: true, metricProducers });
    const readers: IMetricReader[] = [this.#exporter];
    this.isPushed =
      environment["OTEL_SDK_DISABLED"] !== "true" &&
      [environment["OTEL_EXPORTER_OTLP_ENDPOINT"], environment["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]].some(Boolean);
    if (this.isPushed) {
      const interval = Number(environment["OTEL_METRIC_EXPORT_INTERVAL"]);
      const exportIntervalMillis = interval > 0 ? interval : defaultPushIntervalMs;
      const exportTimeoutMillis = Math.min(exportIntervalMillis, 30_000);
      readers.push(
        new PeriodicExportingMetricReader({
          exporter: new OTLPMetricExporter(),
          exportIntervalMillis,
          exportTimeoutMillis,
          metricProducers,
        }),
      );
    }
    const resource = resourceFromAttributes({ "service.name": "cpc-partition" }).merge(
      detectResources({ detectors: [envDetector] }),
    );
    this.#provider = new MeterProvider({ readers, resource });
  }

  /** The text that Prometheus scrapes. */
  async text(): Promise<string> {
    const { resourceMetrics, errors } = await this.#exporter.collect();
    if (errors.length > 0) throw new AggregateError(errors, "cannot collect the metrics");
    return this.#serializer.serialize(resourceMetrics);
  }

  async stop(): Promise<void> {
    await this.#provider.shutdown();
  }
}

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

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
