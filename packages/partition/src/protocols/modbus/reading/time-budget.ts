// How much of its time each connection needs for what is configured, before any device has been asked. Pure.

import { hostInUrl } from "../../../certificates/host-name.ts";
import type { ModbusServer } from "../configuration/modbus-server.ts";
import { percent } from "../../../configuration/plan-words.ts";
import { quote, type Problem } from "../../../configuration/problem.ts";
import type { ServerDemand } from "../../../sources/divide-servers.ts";
import { groupsByInterval } from "../../../sources/rate-groups.ts";
import { planReads } from "./read-plan.ts";

/** Of a core, as benchmarks/million-values.ts shows it with many values and with many servers. A request with its answer is one of several of a poll. */
const coreSecondsOf = { poll: 35e-6, request: 9e-6, value: 0.09e-6 };

/** From a request to its answer: a device in the same building that is not slow. */
export const assumedRoundTripMs = 10;

/** Points of one server that are read at one interval. */
export interface GroupBudget {
  readonly server: ModbusServer;
  /** Undefined: the service's. */
  readonly intervalMs: number | undefined;
  readonly points: number;
  readonly requests: number;
}

export interface ConnectionBudget {
  readonly address: string;
  readonly groups: readonly GroupBudget[];
  readonly pollsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly valuesPerSecond: number;
  /** 1: all its time. By the pauses that are configured alone. */
  readonly pausing: number;
  /** With the assumed round trip as well. */
  readonly busy: number;
}

/** `serviceIntervalMs`: of groups without an interval of their own; without it they count for nothing. */
export function connectionBudgets(
  servers: readonly ModbusServer[],
  serviceIntervalMs = Infinity,
): readonly ConnectionBudget[] {
  const groups = servers.flatMap((server) => groupBudgets(server));
  return Array.from(
    Map.groupBy(groups, ({ server }) => addressOf(server)),
    ([address, own]) => {
      const perSecond = (timesMs: (group: GroupBudget) => number): number =>
        own.reduce((sum, group) => sum + timesMs(group) / (group.intervalMs ?? serviceIntervalMs), 0);
      const pausing = perSecond(({ server, requests }) => requests * pauseMs(server));
      return {
        address,
        groups: own,
        pollsPerSecond: 1000 * perSecond(() => 1),
        requestsPerSecond: 1000 * perSecond(({ requests }) => requests),
        valuesPerSecond: 1000 * perSecond(({ points }) => points),
        pausing,
        busy: pausing + perSecond(({ server, requests }) => waits(server, requests) * roundTripMs(server)),
      };
    },
  );
}

/** Servers of one connection stay together, because a device may serve one at a time. */
export function demandOf(
  server: Pick<ModbusServer, "host" | "port" | "tls">,
  groups: readonly { readonly intervalMs: number; readonly points: number; readonly requests: number }[],
): ServerDemand {
  return demandOfLine({
    address: addressOf(server),
    pollsPerSecond: 1000 * groups.reduce((sum, { intervalMs }) => sum + 1 / intervalMs, 0),
    requestsPerSecond: 1000 * groups.reduce((sum, { requests, intervalMs }) => sum + requests / intervalMs, 0),
    valuesPerSecond: 1000 * groups.reduce((sum, { points, intervalMs }) => sum + points / intervalMs, 0),
  });
}

export function demandOfLine({
  address: line,
  pollsPerSecond,
  requestsPerSecond,
  valuesPerSecond,
}: Pick<ConnectionBudget, "address" | "pollsPerSecond" | "requestsPerSecond" | "valuesPerSecond">): ServerDemand {
  const { poll, request, value } = coreSecondsOf;
  const load = poll * pollsPerSecond + request * requestsPerSecond + value * valuesPerSecond;
  return { line, pollsPerSecond, requestsPerSecond, valuesPerSecond, load };
}

/** Errors: what can never be done in time, however quick the device. */
export function budgetErrors(servers: readonly ModbusServer[], serviceIntervalMs?: number): readonly Problem[] {
  if (servers.every((server) => pauseMs(server) === 0)) return [];
  return connectionBudgets(servers, serviceIntervalMs).flatMap(({ address, groups, pausing }) => {
    const first = groups.find(
      ({ server, intervalMs = serviceIntervalMs }) => pauseMs(server) > 0 && intervalMs !== undefined,
    );
    if (pausing <= 1 || first === undefined) return [];
    const { server, requests, intervalMs = serviceIntervalMs ?? 0 } = first;
    const message =
      `the connection to ${address} cannot do what is configured because the pauses alone take ${percent(pausing)} of its time ` +
      `(server ${quote(server.alias)}: ${requests === 1 ? "1 request" : `${requests} requests`} every ${intervalMs / 1000} s with ${pauseMs(server) / 1000} s of pause for each); ` +
      "increase <interval>, reduce the pause, or allow a <maxGap> so that fewer requests are needed";
    return [{ ...server.location, message }];
  });
}

/** Hints: what will not be done in time if the devices take as long as assumed. */
export function budgetHints(servers: readonly ModbusServer[], serviceIntervalMs: number): readonly Problem[] {
  return connectionBudgets(servers, serviceIntervalMs).flatMap(({ address, groups, pausing, busy }) => {
    const [first] = groups;
    if (busy <= 1 || pausing > 1 || first === undefined) return [];
    const message =
      `the connection to ${address} is busy for ${percent(busy)} of its time if the device takes ${assumedRoundTripMs} ms for an answer, so polls ` +
      "will be left out; increase an <interval>, or allow a <maxGap> so that fewer requests are needed";
    return [{ ...first.server.location, message }];
  });
}

function groupBudgets(server: ModbusServer): readonly GroupBudget[] {
  return groupsByInterval(server.points, server.intervalMs).map(({ intervalMs, points }) => {
    const plan = planReads(
      points.flatMap((place) => server.points[place] ?? []),
      server,
    );
    const requests = plan.tables.reduce((sum, table) => sum + table.requests.length, 0);
    return { server, intervalMs, points: points.length, requests };
  });
}

function pauseMs({ pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest }: ModbusServer): number {
  return Math.max(pauseBetweenRequestsMs, connectsPerRequest ? pauseAfterConnectMs : 0);
}

/** How often an answer is waited for: once for as many requests as may be outstanding. */
function waits({ maxInFlight = 1 }: ModbusServer, requests: number): number {
  return Math.ceil(requests / maxInFlight);
}

/** A connection for each request has to be opened first. */
function roundTripMs({ connectsPerRequest }: ModbusServer): number {
  return connectsPerRequest ? 2 * assumedRoundTripMs : assumedRoundTripMs;
}

export function addressOf({ host, port, tls }: Pick<ModbusServer, "host" | "port" | "tls">): string {
  return `${hostInUrl(host.toLowerCase())}:${port}${tls === undefined ? "" : ` TLS ${tls.minimumVersion}`}`;
}
