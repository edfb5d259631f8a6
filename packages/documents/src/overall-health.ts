// The health of all services together: what counts, in numbers and in one sentence.

import type { ServerHealth, ServiceHealth } from "@cpc-partition/image/health";
import { ageText } from "@cpc-partition/process/age-text";
import type { ServiceStatus } from "./service-status.ts";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface OverallHealth {
  /** One sentence or more for people: what is wrong, the worst first. */
  readonly summary: string;
  /** There is a service that counts, and each of them is alive. */
  readonly isAlive: boolean;
  /** Services of a partition that runs, for which it has no image (yet). */
  readonly imagesMissing: number;
  readonly servers: number;
  /** Neither connected nor on the way to it for the first time. The servers of a service that is not alive are lost. */
  readonly serversLost: number;
  readonly points: number;
  readonly pointsBad: number;
  /** Services whose documents process died and is not there again. */
  readonly documentsDead: number;
  readonly documentEntriesMissing: number;
}

/** What is judged; of a service without documents there is nothing to say of them. */
type Judged = ServiceHealth & Partial<Pick<ServiceStatus, "documentsAlive" | "documentEntriesMissing">>;

export function overallHealth(all: readonly Judged[]): OverallHealth {
  const services = all.filter(({ isOfEndedRun }) => !isOfEndedRun);
  const servers = services.flatMap((service) => service.servers);
  const lost = servers.filter(isLost);
  const figures = {
    isAlive: services.length > 0 && services.every(({ isAlive }) => isAlive),
    imagesMissing: services.filter(({ imageState }) => imageState !== "present").length,
    servers: servers.length,
    serversLost: lost.length,
    points: sum(servers, ({ points }) => points),
    pointsBad: sum(servers, ({ pointsBad }) => pointsBad),
    documentsDead: services.filter(({ documentsAlive }) => documentsAlive === false).length,
    documentEntriesMissing: sum(services, ({ documentEntriesMissing }) => documentEntriesMissing ?? 0),
  };
  return { summary: summaryOf(services, servers, lost, figures), ...figures };
}

/**
 * What whoever starts a partition again wants to know. One that lacks an image tries again by itself, and goes on reading for the others: a
 * restart would end that, and make no room.
 */
export function isRunning(all: readonly Judged[]): boolean {
  const services = all.filter(({ isOfEndedRun }) => !isOfEndedRun);
  return services.length > 0 && services.every(({ isAlive, imageState }) => isAlive || imageState !== "present");
}

/** What exit code and readiness say: about the partition, and with `requireConnected` about the plant, too. */
export function isFine(overall: OverallHealth, services: readonly ServiceStatus[], requireConnected: boolean): boolean {
  if (!overall.isAlive || overall.documentsDead > 0 || overall.documentEntriesMissing > 0) return false;
  const present = services.filter(({ isOfEndedRun }) => !isOfEndedRun);
  return !requireConnected || present.every(({ servers }) => servers.every(({ state }) => state === "connected"));
}

/** Whoever looks after the gateway should know of it. */
function isLost({ state }: ServerHealth): boolean {
  return state === "lost" || state === "stopped" || state === "unknown";
}

function summaryOf(
  services: readonly Judged[],
  servers: readonly ServerHealth[],
  lost: readonly ServerHealth[],
  figures: Omit<OverallHealth, "summary">,
): string {
  if (services.length === 0)
    return "There is no process image (with this prefix): no partition has run here, or its log says why it has not made one yet.";
  const dead = services.filter(({ isAlive, imageState }) => !isAlive && imageState === "present");
  const waiting = servers.filter((server) => server.state !== "connected" && !isLost(server));
  const { points, pointsBad, documentEntriesMissing } = figures;
  const of = `of ${servers.length} servers`;
  const sentences = [
    ...services.flatMap(withoutImage),
    ...dead.map(
      ({ service, heartbeatAgeMs }) => `${service} is NOT RUNNING, last heartbeat ${heartbeatText(heartbeatAgeMs)}.`,
    ),
    ...services
      .filter(({ documentsAlive }) => documentsAlive === false)
      .map(({ service }) => `The documents process of ${service} is NOT RUNNING.`),
    ...(lost.length > 0 ? [`${lost.length} ${of} lost: ${names(lost)}.`] : []),
    ...(waiting.length > 0 ? [`${waiting.length} ${of} not connected yet: ${names(waiting)}.`] : []),
    ...(pointsBad > 0 ? [`${pointsBad} of ${points} points bad.`] : []),
    ...(documentEntriesMissing > 0 ? [`${documentEntriesMissing} entries do not fit into the document.`] : []),
  ];
  return sentences.length > 0
    ? sentences.join(" ")
    : `All servers connected (${servers.length}), all points good (${points}).`;
}

function withoutImage({ service, imageState }: Judged): readonly string[] {
  if (imageState === "missing") return [`${service} has NO PROCESS IMAGE: ${wayToImage}.`];
  return imageState === "starting" ? [`${service} is STARTING: it has no process image yet.`] : [];
}

/** Continues a sentence. */
export const wayToImage = "its partition runs and tries again, and its log says why (no room in /dev/shm?)";

const mostNamed = 5;

function names(servers: readonly ServerHealth[]): string {
  const named = servers.slice(0, mostNamed).map(({ server }) => terminalLine(server));
  const rest = servers.length - named.length;
  return rest > 0 ? `${named.join(", ")} and ${rest} more` : named.join(", ");
}

export function heartbeatText(ageMs: number | null): string {
  if (ageMs === null) return "never";
  return ageMs < 0 ? `in ${ageText(-ageMs)}: the clock was set back since` : `${ageText(ageMs)} ago`;
}

function sum<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  return items.reduce((total, item) => total + figure(item), 0);
}
