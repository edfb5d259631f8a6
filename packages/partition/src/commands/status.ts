// `cpc status`: the health of services and servers, for people, as JSON, and as exit code for a container's health check.

import { ExitCode } from "@cpc-partition/process/exit-code";
import type { ServerHealth } from "@cpc-partition/image/health";
import { heartbeatText, isFine, isRunning, overallHealth, wayToImage } from "@cpc-partition/documents/overall-health";
import { qualityText } from "@cpc-partition/image/point-quality";
import { ageText } from "@cpc-partition/process/age-text";
import { securityLines } from "./security-lines.ts";
import { serviceStatuses, type ServiceStatus } from "@cpc-partition/documents/service-status";
import { plainTable } from "./value-table.ts";
import { print } from "@cpc-partition/process/standard-output";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface StatusSettings {
  readonly prefix: string;
  readonly json: boolean;
  /** A server that is not connected fails the check, too. */
  readonly requireConnected: boolean;
  /** Only a service that does not run fails the check. */
  readonly alive: boolean;
}

/** The exit code is about the partition, not about the plant: restarting it would not bring a server back. */
export function status({ prefix, json, requireConnected, alive }: StatusSettings): ExitCode {
  const services = serviceStatuses(prefix, Date.now());
  const overall = overallHealth(services);
  if (json) print(JSON.stringify({ ...overall, services }, null, 2));
  else print([overall.summary, ...services.map(describe)].join("\n\n"));
  const isGood = alive ? isRunning(services) : isFine(overall, services, requireConnected);
  return isGood ? ExitCode.fine : ExitCode.failed;
}

function describe(service: ServiceStatus): string {
  if (service.isOfEndedRun) {
    const ended = `left by a run that ended ${heartbeatText(service.heartbeatAgeMs)}`;
    return `${service.image}: ${ended} and does not count; "clean" removes it`;
  }
  if (service.imageState === "missing") return `${service.image}: NO PROCESS IMAGE: ${wayToImage}`;
  if (service.imageState === "starting") return `${service.image}: STARTING, no process image yet`;
  const { documentBytes, documentCapacityBytes, documentEntriesMissing } = service;
  const share = documentCapacityBytes === 0 ? 0 : Math.round((100 * documentBytes) / documentCapacityBytes);
  const missing = documentEntriesMissing === 0 ? "" : `, ${documentEntriesMissing} ENTRIES MISSING`;
  const alive = service.isAlive
    ? `alive since ${service.startedAt}${threads(service)}`
    : `NOT RUNNING, last heartbeat ${heartbeatText(service.heartbeatAgeMs)}`;
  const head = ["Server", "State", "Cycle", "Good", "Bad", "min/med/p99/max ms", "Reconn", "Cert"];
  // With the blanks between them 80 columns.
  const table = plainTable(head, [12, 10, 8, 7, 5, 20, 6, 5]);
  for (const server of service.servers) {
    const last = server.lastGoodAgeMs === null ? "-" : ageText(server.lastGoodAgeMs);
    const certificate = server.certificateDaysLeft === null ? "-" : `${server.certificateDaysLeft} d`;
    table.push([
      terminalLine(server.server),
      server.state,
      String(server.cycle),
      last,
      String(server.pointsBad),
      durations(server),
      String(server.reconnects),
      certificate,
    ]);
  }
  return [
    `${service.image}: ${alive}`,
    `document ${documentBytes} of ${documentCapacityBytes} bytes (${share} %)${missing}; ${service.documents} published${writer(service)}`,
    `${service.ticksMissed} ticks missed, ${service.guardTimeouts} guard time-outs, ${service.guardSeizures} seizures, ` +
      `${service.objectsRestored} objects put back`,
    table.toString(),
    ...service.unguardedSemaphores.map(
      (semaphore) => `${semaphore} IS NOT USED: a consumer ended the documents process with it several times`,
    ),
    ...securityLines(service.servers),
    ...service.servers.flatMap(troubles),
  ].join("\n");
}

function threads({ threads: count }: ServiceStatus): string {
  return count === null ? "" : `, ${count === 1 ? "1 thread reads" : `${count} threads read`} its servers`;
}

function writer({ documentsAlive, documentsDeaths }: ServiceStatus): string {
  const deaths = documentsDeaths === 0 ? "" : `; the documents process was started again ${documentsDeaths} times`;
  if (documentsAlive === null) return `; no process writes documents${deaths}`;
  return documentsAlive ? deaths : `; THE DOCUMENTS PROCESS IS NOT RUNNING${deaths}`;
}

function durations({ pollMs }: ServerHealth): string {
  return pollMs === null
    ? "-"
    : [pollMs.min, pollMs.median, pollMs.p99, pollMs.max].map((ms) => milliseconds(ms)).join("/");
}

/** Two digits, and never with an exponent. */
function milliseconds(ms: number): string {
  return ms < 99.5 ? ms.toPrecision(2) : String(Math.round(ms));
}

function troubles(server: ServerHealth): string[] {
  const kinds = Object.entries(server.failures).map(([kind, count]) => `${count} ${kind}`);
  const overruns = server.overruns === 0 ? [] : [`${server.overruns} polls longer than the interval`];
  const counted = [...kinds, ...overruns].join(", ");
  const quality = server.state === "connected" ? qualityText(server) : undefined; // otherwise the reason is the connection
  const { requestLimit } = server;
  const limit =
    requestLimit === null ? undefined : `refuses longer requests than for ${requestLimit}, as far as learned`;
  const lines = [quality, limit, counted === "" ? undefined : counted].filter((line) => line !== undefined);
  const last = server.lastErrorAt === null ? [] : [`  ${server.lastErrorAt}: ${terminalLine(server.lastError)}`];
  return [...lines.map((line) => `${terminalLine(server.server)}: ${line}`), ...last];
}
