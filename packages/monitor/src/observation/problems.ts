// What is wrong, and what to do: the health of an observation as a list of problems, the worst first. Pure.
//
// A problem is a kind with figures; the page has the words, in the language of its reader. `row` names the row of docs/operations.md.

import type { ServerHealth } from "@cpc-partition/image/health";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { ServiceStatus } from "@cpc-partition/documents/service-status";
import { rows, rowsOfService, type HandbookRow } from "./handbook.ts";
import type { Observation } from "./observed-partition.ts";
import type { GrowthWatch } from "./growth-watch.ts";

export type ProblemKind =
  | "noPartition"
  | "imageUnreadable"
  | "notRunning"
  | "imageMissing"
  | "serviceStarting"
  | "documentsNotRunning"
  | "serverLost"
  | "serverNotYetConnected"
  | "pointsBad"
  | "valuesOld"
  | "slowServer"
  | "entriesMissing"
  | "guardTimeouts"
  | "ticksMissed"
  | "objectsRestored"
  | "certificateEnds"
  | "ownCertificateEnds";

export interface Problem {
  readonly kind: ProblemKind;
  readonly severity: "critical" | "warning";
  readonly service: string;
  /** "" for a problem of the whole service. */
  readonly server: string;
  /** A figure for the sentence: points, days, time-outs, as the kind says; of points: how many there are. */
  readonly count: number;
  readonly of: number;
  /** The reason in the words of the server or the system; "" when there is none. */
  readonly detail: string;
  /** How the last attempts failed; absent for other problems, or when it is not known. */
  readonly failure: FailureKind | undefined;
  /** ISO; undefined: since before the monitor was started, nobody knows. */
  readonly since: string | undefined;
  readonly row: HandbookRow;
}

type Finding = Pick<Problem, "kind" | "severity"> & Partial<Problem> & { readonly row: HandbookRow };

const certificateWarningDays = 30;
const leastOldMs = 5000;
/** One late cycle now and then is a machine that did something else for a moment. */
const leastLate = 3;

/** `watch` remembers between two calls what grows, and since when a problem has been there. */
export function problemsOf(observation: Observation, watch: GrowthWatch): readonly Problem[] {
  const present = observation.services.filter(({ isOfEndedRun }) => !isOfEndedRun);
  const findings: Finding[] = observation.unreadable.map((detail) => ({
    kind: "imageUnreadable",
    severity: "critical",
    detail,
    row: rows.nameTaken,
  }));
  if (present.length === 0 && findings.length === 0)
    findings.push({ kind: "noPartition", severity: "critical", row: rows.notRunning });
  for (const service of present) {
    const own = [
      ...serviceFindings(service, watch),
      ...service.servers.flatMap((one) => serverFindings(service, one, watch)),
    ];
    for (const finding of own) findings.push({ ...finding, service: service.service });
  }
  const problems = findings.map((finding) => wholeProblem(finding, watch));
  watch.endLook();
  return problems.toSorted((one, other) => Number(one.severity !== "critical") - Number(other.severity !== "critical"));
}

function wholeProblem(finding: Finding, watch: GrowthWatch): Problem {
  const { kind, severity, row, service = "", server = "", count = 0, of = 0, detail = "", failure } = finding;
  const since = finding.since ?? watch.since([kind, service, server].join("\n"));
  return { kind, severity, service, server, count, of, detail, failure, since, row };
}

function serviceFindings(service: ServiceStatus, watch: GrowthWatch): readonly Finding[] {
  if (service.imageState === "missing")
    return [{ kind: "imageMissing", severity: "critical", since: service.startedAt, row: rows.imageMissing }];
  if (service.imageState === "starting")
    return [{ kind: "serviceStarting", severity: "warning", since: service.startedAt, row: rows.serviceStarting }];
  if (!service.isAlive) {
    const since = service.servers[0]?.stateSince;
    return [{ kind: "notRunning", severity: "critical", row: rows.killed, ...(since === undefined ? {} : { since }) }];
  }
  const growing = (kind: ProblemKind, count: number, row: HandbookRow, least = 1): readonly Finding[] => {
    const growth = watch.growth(`${service.service}\n${kind}`, count, least);
    return growth === undefined ? [] : [{ kind, severity: "warning", count: growth.by, since: growth.since, row }];
  };
  const { documentEntriesMissing } = service;
  return [
    ...(service.documentsAlive === false
      ? [{ kind: "documentsNotRunning", severity: "critical", row: rows.documentsDead } as const]
      : []),
    ...(documentEntriesMissing > 0
      ? [
          {
            kind: "entriesMissing",
            severity: "critical",
            count: documentEntriesMissing,
            row: rows.entriesMissing,
          } as const,
        ]
      : []),
    ...growing("guardTimeouts", service.guardTimeouts, rows.guard),
    ...growing("ticksMissed", service.ticksMissed, rows.ticksMissed, leastLate),
    ...growing("objectsRestored", service.objectsRestored, rows.objectsRestored),
  ];
}

function serverFindings(service: ServiceStatus, server: ServerHealth, watch: GrowthWatch): readonly Finding[] {
  // One problem for the whole service says it all.
  if (!service.isAlive) return [];
  const alias = terminalLine(server.server);
  const id = `${service.service}\n${server.server}`;
  const common = { server: alias, since: server.stateSince };
  const failures = watch.lastGrown(id, server.failures);
  const overruns = watch.growth(`${id}\noverruns`, server.overruns, leastLate);
  const certificates = certificateFindings(alias, server);
  const handbook = rowsOfService(service.service);
  if (server.state !== "connected") {
    const isLost = server.state === "lost" || server.state === "stopped";
    const finding: Finding = {
      ...common,
      kind: isLost ? "serverLost" : "serverNotYetConnected",
      severity: isLost ? "critical" : "warning",
      detail: terminalLine(server.lastError),
      failure: failures,
      count: server.points,
      of: server.points,
      row: handbook.failures[failures ?? "ConnectionFailed"],
    };
    return [finding, ...certificates];
  }
  const { points, pointsBad, pointsUncertain, statuses, lastGoodAgeMs } = server;
  const reasons = Object.entries(statuses).map(([name, count]) => `${count} ${name}`);
  const [named, rest] = [reasons.slice(0, 3), reasons.length - 3];
  return [
    ...(pointsBad + pointsUncertain > 0
      ? [
          {
            kind: "pointsBad",
            severity: pointsBad > 0 ? "critical" : "warning",
            server: alias,
            count: pointsBad + pointsUncertain,
            of: points,
            detail: named.join(", ") + (rest > 0 ? ", ..." : ""),
            row: handbook.badPoints,
          } as const,
        ]
      : []),
    ...(lastGoodAgeMs !== null && lastGoodAgeMs > oldAfterMs(server)
      ? [
          {
            kind: "valuesOld",
            severity: "warning",
            server: alias,
            count: Math.round(lastGoodAgeMs / 1000),
            row: handbook.silent,
          } as const,
        ]
      : []),
    ...(overruns === undefined
      ? []
      : [
          {
            kind: "slowServer",
            severity: "warning",
            server: alias,
            count: overruns.by,
            since: overruns.since,
            row: handbook.slow,
          } as const,
        ]),
    ...certificates,
  ];
}

function oldAfterMs({ intervalMs }: ServerHealth): number {
  return Math.max(leastOldMs, 3 * intervalMs);
}

function certificateFindings(
  server: string,
  { certificateDaysLeft, ownCertificateDaysLeft }: ServerHealth,
): readonly Finding[] {
  const ends = (kind: ProblemKind, days: number | null, row: HandbookRow): readonly Finding[] =>
    days === null || days > certificateWarningDays
      ? []
      : [{ kind, severity: days < 7 ? "critical" : "warning", server, count: days, row }];
  return [
    ...ends("certificateEnds", certificateDaysLeft, rows.certificateEnds),
    ...ends("ownCertificateEnds", ownCertificateDaysLeft, rows.ownCertificateEnds),
  ];
}
