// What the metrics are, as plain data: names, labels and values, read from the images at the moment of a scrape. Pure but for looking.
//
// Names and units follow the conventions of Prometheus (base units, `_total` for counters). Labels are service and server, never a point:
// 100,000 points must not become 100,000 series.

import type { ServerHealth } from "@cpc-partition/image/health";
import type { Histogram, PlacedGroup } from "@cpc-partition/image";
import type { ServiceStatus } from "@cpc-partition/documents/service-status";
import type { Observation, ObservedService } from "../observation/observed-partition.ts";
import { coarse, coarser, type CoarseHistogram } from "../observation/coarse-histogram.ts";
import type { WholeHistograms } from "../observation/whole-histograms.ts";

export type Labels = Readonly<Record<string, string>>;
export interface Sample<Value> {
  readonly labels: Labels;
  readonly value: Value;
}

interface Described {
  readonly name: string;
  readonly help: string;
  /** UCUM, as OTLP wants it: "s", "By", "1". */
  readonly unit: string;
}
export type Series = Described &
  (
    | { readonly kind: "gauge" | "counter"; readonly samples: readonly Sample<number>[] }
    | { readonly kind: "histogram"; readonly samples: readonly Sample<CoarseHistogram>[] }
  );

/** Of the monitor itself. */
export interface MonitorFigures {
  readonly viewers: number;
  readonly signInFailures: number;
}

const histogramNames: Readonly<Record<Histogram, readonly [name: string, help: string]>> = {
  pollDuration: ["cpc_poll_duration_seconds", "how long polls took"],
  sourceToReceived: [
    "cpc_source_to_received_seconds",
    "from the server's time of a changed value to its arrival; needs clocks that agree",
  ],
  receivedToPublished: ["cpc_received_to_published_seconds", "from the arrival of a changed value to its publication"],
};

export function seriesOf(
  observation: Observation,
  monitor: MonitorFigures,
  histograms: WholeHistograms,
): readonly Series[] {
  const present = observation.services.filter(({ isOfEndedRun }) => !isOfEndedRun);
  return [
    ...serviceSeries(present),
    ...serverSeries(present),
    ...histogramSeries(
      observation.images.filter(({ service }) => present.some((one) => one.service === service)),
      histograms,
    ),
    gauge("cpc_monitor_viewers", "browsers that are connected to the monitor", "1", [
      { labels: {}, value: monitor.viewers },
    ]),
    counter("cpc_monitor_sign_in_failures_total", "requests with a wrong user or password", "1", [
      { labels: {}, value: monitor.signInFailures },
    ]),
  ];
}

function samplesOf(services: readonly ServiceStatus[]) {
  return (value: (service: ServiceStatus) => number): readonly Sample<number>[] =>
    services.map((service) => ({ labels: { service: service.service }, value: value(service) }));
}

function serviceSeries(services: readonly ServiceStatus[]): readonly Series[] {
  const ofAll = samplesOf(services);
  // Without an image nothing has been counted, which is not the same as 0.
  const of = samplesOf(services.filter(({ imageState }) => imageState === "present"));
  return [
    gauge(
      "cpc_up",
      "1 while a partition keeps the image up to date",
      "1",
      ofAll(({ isAlive }) => Number(isAlive)),
    ),
    gauge(
      "cpc_image_missing",
      "1 while a partition runs the service and has no image for it",
      "1",
      ofAll(({ imageState }) => Number(imageState !== "present")),
    ),
    gauge(
      "cpc_heartbeat_age_seconds",
      "time since the partition's last heartbeat",
      "s",
      of(({ heartbeatAgeMs }) => (heartbeatAgeMs ?? 0) / 1000),
    ),
    gauge(
      "cpc_start_time_seconds",
      "when the service was started",
      "s",
      of(({ startedAt }) => seconds(startedAt)),
    ),
    gauge(
      "cpc_reading_threads",
      "threads that read the servers; 0 where the partition does not tell",
      "1",
      of(({ threads }) => threads ?? 0),
    ),
    counter(
      "cpc_ticks_missed_total",
      "cycles that could not begin in time",
      "1",
      of(({ ticksMissed }) => ticksMissed),
    ),
    counter(
      "cpc_objects_restored_total",
      "objects of shared memory that were removed or spoilt, and put back",
      "1",
      of(({ objectsRestored }) => objectsRestored),
    ),
    gauge(
      "cpc_documents_up",
      "1 while the documents process runs, 0 when it died; 1 also where none is wanted",
      "1",
      of(({ documentsAlive }) => Number(documentsAlive !== false)),
    ),
    counter(
      "cpc_documents_published_total",
      "documents written",
      "1",
      of(({ documents }) => documents),
    ),
    gauge(
      "cpc_document_bytes",
      "size of the last document",
      "By",
      of(({ documentBytes }) => documentBytes),
    ),
    gauge(
      "cpc_document_capacity_bytes",
      "room for the document in its segment",
      "By",
      of(({ documentCapacityBytes }) => documentCapacityBytes),
    ),
    gauge(
      "cpc_document_entries_missing",
      "entries that do not fit into the document",
      "1",
      of(({ documentEntriesMissing }) => documentEntriesMissing),
    ),
    counter(
      "cpc_guard_timeouts_total",
      "documents that waited in vain for a consumer's semaphore",
      "1",
      of(({ guardTimeouts }) => guardTimeouts),
    ),
    counter(
      "cpc_guard_seizures_total",
      "semaphores taken back from a consumer that kept them",
      "1",
      of(({ guardSeizures }) => guardSeizures),
    ),
  ];
}

function serverSeries(services: readonly ServiceStatus[]): readonly Series[] {
  const servers = services.flatMap(({ service, servers: all }) =>
    all.map((server) => ({ server, labels: { service, server: server.server } })),
  );
  const of = (value: (server: ServerHealth) => number | null): readonly Sample<number>[] =>
    servers.flatMap(({ server, labels }) => {
      const found = value(server);
      return found === null ? [] : [{ labels, value: found }];
    });
  const points = servers.flatMap(({ server, labels }) => [
    { labels: { ...labels, quality: "good" }, value: server.points - server.pointsBad - server.pointsUncertain },
    { labels: { ...labels, quality: "uncertain" }, value: server.pointsUncertain },
    { labels: { ...labels, quality: "bad" }, value: server.pointsBad },
  ]);
  const failures = servers.flatMap(({ server, labels }) =>
    Object.entries(server.failures).map(([kind, value]) => ({ labels: { ...labels, kind }, value })),
  );
  return [
    gauge(
      "cpc_server_connected",
      "1 while the server is connected",
      "1",
      of(({ state }) => Number(state === "connected")),
    ),
    gauge("cpc_server_points", "points by the quality of their value", "1", points),
    gauge(
      "cpc_server_last_good_age_seconds",
      "time since the server answered a poll, of the group of points that is the most behind its interval",
      "s",
      of(({ lastGoodAgeMs }) => (lastGoodAgeMs === null ? null : lastGoodAgeMs / 1000)),
    ),
    counter(
      "cpc_server_reconnects_total",
      "connections after the first",
      "1",
      of(({ reconnects }) => reconnects),
    ),
    counter("cpc_server_failures_total", "failed attempts to get an answer, by kind", "1", failures),
    counter(
      "cpc_server_overruns_total",
      "polls that took longer than the interval",
      "1",
      of(({ overruns }) => overruns),
    ),
    gauge(
      "cpc_server_certificate_expiry_seconds",
      "time until the server's certificate ends, in whole days; negative: it has ended",
      "s",
      of(({ certificateDaysLeft }) => days(certificateDaysLeft)),
    ),
    gauge(
      "cpc_server_own_certificate_expiry_seconds",
      "time until the certificate ends that the server is shown, in whole days",
      "s",
      of(({ ownCertificateDaysLeft }) => days(ownCertificateDaysLeft)),
    ),
  ];
}

/** Of polls one for each server; of delays, which a gateway has in common with its clock and its load, one for each service. */
function histogramSeries(images: readonly ObservedService[], histograms: WholeHistograms): readonly Series[] {
  return Object.entries(histogramNames).map(([name, [metric, help]]) => ({
    kind: "histogram",
    name: metric,
    help,
    unit: "s",
    samples: images.flatMap(({ service, image }) => {
      const of = (groups: readonly PlacedGroup[]): CoarseHistogram =>
        coarser(coarse(groups.map(({ index }) => histograms.of(image, index, name as Histogram))));
      if (name !== "pollDuration") return [{ labels: { service }, value: of(image.directory.groups) }];
      return image.directory.servers.map(({ alias, groups }) => ({
        labels: { service, server: alias },
        value: of(groups),
      }));
    }),
  }));
}

function gauge(name: string, help: string, unit: string, samples: readonly Sample<number>[]): Series {
  return { kind: "gauge", name, help, unit, samples };
}

function counter(name: string, help: string, unit: string, samples: readonly Sample<number>[]): Series {
  return { kind: "counter", name, help, unit, samples };
}

function days(left: number | null): number | null {
  return left === null ? null : left * 86_400;
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}
