// One server as the page shows it, the worst first.

import type { ServiceStatus } from "@cpc-partition/documents/service-status";
import type { PollDurations, ServerHealth } from "@cpc-partition/image/health";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { coarse } from "./coarse-histogram.ts";
import type { ObservedService } from "./observed-partition.ts";

export interface ServerRow {
  readonly id: string;
  readonly service: string;
  readonly server: string;
  readonly state: ServerHealth["state"];
  readonly since: string;
  readonly points: number;
  readonly pointsBad: number;
  readonly pointsUncertain: number;
  readonly pollMs: PollDurations | null;
  /** Polls by duration, in octaves. */
  readonly histogram: readonly number[];
  readonly reconnects: number;
  readonly overruns: number;
  readonly failures: ServerHealth["failures"];
  readonly lastError: string;
  readonly lastErrorAt: string | null;
  readonly isInsecure: boolean | null;
  readonly certificateDaysLeft: number | null;
  readonly ownCertificateDaysLeft: number | null;
}

/** What a viewer of servers sees: those whose name or state has the text. */
export function serverRows(
  services: readonly ServiceStatus[],
  images: readonly ObservedService[],
  search: string,
): readonly { readonly rank: number; readonly row: () => ServerRow }[] {
  const wanted = search.toLocaleLowerCase();
  return services
    .filter(({ isOfEndedRun }) => !isOfEndedRun)
    .flatMap(({ service, servers }) =>
      servers
        .filter(({ server, state }) => `${server} ${state} ${service}`.toLocaleLowerCase().includes(wanted))
        .map((server) => ({ rank: rankOf(server), row: () => serverRow(service, server, images) })),
    )
    .toSorted((one, other) => one.rank - other.rank);
}

function rankOf({ state, pointsBad, pointsUncertain }: ServerHealth): number {
  if (state !== "connected") return state === "connecting" || state === "waiting" ? 1 : 0;
  return pointsBad > 0 ? 2 : pointsUncertain > 0 ? 3 : 4;
}

function serverRow(service: string, health: ServerHealth, images: readonly ObservedService[]): ServerRow {
  const image = images.find((one) => one.service === service)?.image;
  const groups = image?.directory.servers.find(({ alias }) => alias === health.server)?.groups ?? [];
  const histograms = groups.flatMap(({ index }) => image?.histogram(index, "pollDuration") ?? []);
  const { points, pointsBad, pointsUncertain, pollMs, reconnects, overruns, failures, lastErrorAt } = health;
  const { isInsecure, certificateDaysLeft, ownCertificateDaysLeft } = health;
  return {
    id: `${service} ${health.server}`,
    service,
    server: terminalLine(health.server),
    state: health.state,
    since: health.stateSince,
    points,
    pointsBad,
    pointsUncertain,
    pollMs,
    histogram: coarse(histograms).counts,
    reconnects,
    overruns,
    failures,
    lastError: terminalLine(health.lastError),
    lastErrorAt,
    isInsecure,
    certificateDaysLeft,
    ownCertificateDaysLeft,
  };
}
