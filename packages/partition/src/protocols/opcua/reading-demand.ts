// How many requests a server is asked in a second, and what that costs, before it has been asked for anything. Pure.

import type { ServerDemand } from "../../sources/divide-servers.ts";
import type { Group } from "../../sources/source.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { firstNodes } from "./read-pace.ts";
import { groupsOf } from "./server-groups.ts";
import { itemTiming, requestedTiming } from "./subscription/subscription-timing.ts";

/** Reads in a cycle are one for each so many nodes, or fewer where the server allows fewer. */
const nodesPerRead = 1000;

/**
 * Of a core: for a request with its answer, for each value that is read, and for each that the server sends; and what encryption adds. Polls of
 * ten and of a thousand Doubles show it (benchmarks/million-values.ts), and messages with 500 changes.
 */
const cost = { request: 200e-6, value: 0.15e-6, sentValue: 1.5e-6, encryptedRequest: 50e-6, encryptedValue: 0.1e-6 };

/** A server has a connection of its own. Groups without an interval count for nothing. */
export function demandOf(server: OpcUaServer): ServerDemand {
  const isSecured = server.mode !== "None";
  const requestCost = cost.request + (isSecured ? cost.encryptedRequest : 0);
  const demand = { pollsPerSecond: 0, requestsPerSecond: 0, valuesPerSecond: 0, load: 0 };
  for (const [index, group] of groupsOf(server).entries()) {
    const isSubscribed = group.isSubscribed === true;
    const own = isSubscribed
      ? subscribedRates(server, group)
      : {
          polls: 1000 / (group.intervalMs ?? Infinity),
          requests: (1000 * readsOf(server, group, index)) / (group.intervalMs ?? Infinity),
          values: (1000 * group.points.length) / (group.intervalMs ?? Infinity),
        };
    const valueCost = (isSubscribed ? cost.sentValue : cost.value) + (isSecured ? cost.encryptedValue : 0);
    demand.pollsPerSecond += own.polls;
    demand.requestsPerSecond += own.requests;
    demand.valuesPerSecond += own.values;
    demand.load += requestCost * own.requests + valueCost * own.values;
  }
  return { line: `${server.alias} ${server.endpointUrl}`, ...demand };
}

/** In a cycle. */
export function readsOf(server: OpcUaServer, { points }: Pick<Group, "points">, group: number): number {
  const asked = points.filter((place) => server.nodes[place]?.member === undefined).length;
  const most = Math.min(group === 0 ? nodesPerRead : firstNodes, server.maxNodesPerRead ?? nodesPerRead);
  return Math.ceil(asked / most);
}

/** The most that the server may send: every value has changed whenever it looks. */
function subscribedRates(
  server: OpcUaServer,
  { points, intervalMs }: Group,
): { readonly polls: number; readonly requests: number; readonly values: number } {
  const { publishingMs } = requestedTiming(server, intervalMs);
  const values = points.reduce((sum, place) => {
    const node = server.nodes[place];
    const owner = node?.member === undefined ? node : server.nodes[node.member.owner];
    if (owner?.item === undefined) return sum;
    const { samplingMs } = itemTiming(owner.item, publishingMs);
    return sum + 1000 / (samplingMs > 0 ? samplingMs : publishingMs);
  }, 0);
  const messages = 1000 / publishingMs;
  return { polls: messages, requests: messages, values };
}
