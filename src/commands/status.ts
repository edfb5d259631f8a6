// `cpc status`: the health of services and servers, for people, as JSON, and as exit code for a container's health check.

import { OpenedImage } from "../process-image/opened-image.ts";
import { ExitCode } from "./exit-code.ts";
import { healthOf, type ServerHealth, type ServiceHealth } from "./health.ts";
import { ageText, printable } from "./point-rows.ts";
import { securityLines } from "./security-lines.ts";
import { plainTable } from "./value-table.ts";

export interface StatusSettings {
  readonly prefix: string;
  readonly json: boolean;
  /** A server that is not connected counts as unhealthy, too. */
  readonly requireConnected: boolean;
}

/**
 * Healthy: at least one service runs, each that has an image is alive, and its document is whole. A server that is down is shown but does
 * not count by default: restarting the partition would not bring it back.
 */
export function status({ prefix, json, requireConnected }: StatusSettings): ExitCode {
  const services = ["opcua", "modbus"].flatMap((service) => readHealth(`${prefix}${service}_image`));
  const isHealthy = services.length > 0 && services.every((service) => isServiceHealthy(service, requireConnected));
  if (json) process.stdout.write(`${JSON.stringify({ isHealthy, services }, null, 2)}\n`);
  else if (services.length === 0) process.stdout.write("no partition has run here (with this prefix)\n");
  else for (const service of services) process.stdout.write(`${describe(service)}\n\n`);
  return isHealthy ? ExitCode.fine : ExitCode.failed;
}

function readHealth(name: string): ServiceHealth[] {
  using opened = new OpenedImage(name);
  const image = opened.current();
  return image === undefined ? [] : [healthOf(image, name, opened.hasWriter(), Date.now())];
}

function isServiceHealthy(service: ServiceHealth, requireConnected: boolean): boolean {
  if (!service.isAlive || service.documentEntriesMissing > 0) return false;
  return !requireConnected || service.servers.every(({ state }) => state === "connected");
}

function describe(service: ServiceHealth): string {
  const { documentBytes, documentCapacityBytes, documentEntriesMissing } = service;
  const share = documentCapacityBytes === 0 ? 0 : Math.round((100 * documentBytes) / documentCapacityBytes);
  const missing = documentEntriesMissing === 0 ? "" : `, ${documentEntriesMissing} ENTRIES MISSING`;
  const alive = service.isAlive
    ? `alive since ${service.startedAt}`
    : `NOT RUNNING, last heartbeat ${heartbeatText(service.heartbeatAgeMs)}`;
  const head = ["Server", "State", "Cycle", "Good", "Poll min/med/p99/max ms", "Reconn", "Cert"];
  // With the blanks between them 80 columns.
  const table = plainTable(head, [14, 10, 8, 7, 23, 6, 5]);
  for (const server of service.servers) {
    const last = server.lastGoodAgeMs === null ? "-" : ageText(server.lastGoodAgeMs);
    const certificate = server.certificateDaysLeft === null ? "-" : `${server.certificateDaysLeft} d`;
    table.push([
      printable(server.server),
      // What the image says of a connection was true as long as somebody kept it up to date.
      service.isAlive ? server.state : "unknown",
      String(server.cycle),
      last,
      durations(server),
      String(server.reconnects),
      certificate,
    ]);
  }
  return [
    `${service.image}: ${alive}`,
    `document ${documentBytes} of ${documentCapacityBytes} bytes (${share} %)${missing}; ${service.documents} published`,
    `${service.ticksMissed} ticks missed, ${service.guardTimeouts} guard time-outs, ${service.guardSeizures} seizures, ` +
      `${service.objectsRestored} objects put back`,
    table.toString(),
    ...securityLines(service.servers),
    ...service.servers.flatMap(troubles),
  ].join("\n");
}

function heartbeatText(ageMs: number): string {
  return ageMs < 0 ? `in ${ageText(-ageMs)}: the clock was set back since` : `${ageText(ageMs)} ago`;
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
  const last = server.lastErrorAt === null ? [] : [`  ${server.lastErrorAt}: ${printable(server.lastError)}`];
  return counted === "" ? last : [`${printable(server.server)}: ${counted}`, ...last];
}
