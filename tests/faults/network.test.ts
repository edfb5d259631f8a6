// The network between the partition and a server fails as only a network can: the cable is pulled, packets vanish, there is no way, no name.
// The partition and its neighbour server are on one host, the server that suffers on another.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { bornModbusXml } from "./born-modbus.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { BornServer } from "./born-server.ts";
import { fault, type Extent } from "./fault.ts";
import { TwoHosts } from "./network-namespace.ts";
import { TestedPartition } from "./tested-partition.ts";
import { Stopwatch } from "./stopwatch.ts";

const points = 3;
const timeoutMs = 500;
const intervalMs = 100;
const retryMs = 200;
const settings = `<timeout>${timeoutMs / 1000}</timeout><retryInterval>${retryMs / 1000}</retryInterval>`;
/** TestedPartition: what it shows of a busy machine is not its own doing. */
const neighbourSettings = `<timeout>5</timeout><retryInterval>${retryMs / 1000}</retryInterval>`;
/** What a busy machine may add to any time. */
const slackMs = 1000;
/** No server waits for another, or for a name server. */
const startWithinMs = 4 * slackMs;
/** A connect that was under way when the network came back may have to time out first. */
const backWithinMs = timeoutMs + retryMs + 3 * slackMs;

const protocols = {
  "Modbus server": "modbus",
  "OPC UA server": "opcua",
} as const;

/** The sessions that a server has, as it counts them itself: OPC 10000-5, 6.3.3. */
const sessionCount = `<node><DisplayName>CurrentSessionCount</DisplayName><NamespaceIndex>0</NamespaceIndex>
  <IdentifierType>Numeric</IdentifierType><Identifier>2277</Identifier><datatype>UInt32</datatype><description></description></node>`;

function sessionsOf(partition: TestedPartition): unknown {
  return partition.sandbox.document("opcua_shm")?.["0:CurrentSessionCount"]?.["value"];
}

/** `before`: when the servers run and the partition does not yet. */
async function start(
  t: TestContext,
  protocol: "modbus" | "opcua",
  hosts: TwoHosts,
  host = hosts.address,
  before: (hosts: TwoHosts) => void = () => {},
) {
  const neighbour = await BornServer.start(t, protocol, 500, points, { wrapper: hosts.onPartition });
  const server = await BornServer.start(t, protocol, 0, points, { host: hosts.address, wrapper: hosts.onPlant });
  before(hosts);
  const victim = { alias: "victim", host, port: server.port, firstPlace: 0, points, settings };
  const bystander = { alias: "neighbour", port: neighbour.port, firstPlace: 500, points, settings: neighbourSettings };
  const xml =
    protocol === "modbus"
      ? bornModbusXml(victim, bystander)
      : bornOpcUaXml({ ...victim, furtherNodes: [sessionCount] }, bystander);
  const rules = { oldestGoodMs: timeoutMs + intervalMs + slackMs, bystanders: ["neighbour"] };
  const interval = intervalMs / 1000;
  const partition = new TestedPartition(t, {
    [protocol]: xml,
    interval,
    rules,
    launch: { wrapper: hosts.onPartition },
  });
  const stopwatch = new Stopwatch(partition.child.processId);
  await partition.untilGood("neighbour");
  const { isWithin, text } = stopwatch.stop(startWithinMs);
  assert.ok(isWithin, `the neighbour's values came after ${text}`);
  return { partition, server };
}

interface Outage {
  readonly trigger: string;
  readonly extent?: Extent;
  readonly lastsMs: number;
  readonly reason: RegExp;
  readonly begin: (hosts: TwoHosts) => void;
  readonly end: (hosts: TwoHosts) => void;
}

const silent: Pick<Outage, "begin" | "end" | "reason"> = {
  reason: /within 500 ms/,
  begin: (hosts) => hosts.silence(true),
  end: (hosts) => hosts.silence(false),
};

/** Of a server whose values were good. */
const outages: readonly Outage[] = [
  { trigger: "whatever it sends vanishes for 10 s, without FIN or RST", lastsMs: 10_000, ...silent },
  { trigger: "whatever it sends vanishes for 10 min, without FIN or RST", lastsMs: 600_000, extent: "long", ...silent },
  {
    trigger: "its cable is pulled for 3 s",
    lastsMs: 3000,
    reason: /within 500 ms|no route/,
    begin: (hosts) => hosts.plug(false),
    end: (hosts) => hosts.plug(true),
  },
  {
    trigger: "there is no route to it for 2 s",
    lastsMs: 2000,
    reason: /no route/,
    begin: (hosts) => hosts.unroute(true),
    end: (hosts) => hosts.unroute(false),
  },
];

interface Obstacle extends Outage {
  readonly isByName: boolean;
  /** How much longer it may take until values come than in general. */
  readonly laterMs: number;
}

/** The resolver waits 5 s for an answer before it asks again, twice: resolv.conf(5). */
const resolverMs = 5000;

/** In the way of the first connect. */
const obstacles: readonly Obstacle[] = [
  {
    trigger: "its host, which is the name server as well, answers no SYN when the partition starts",
    lastsMs: 3000,
    isByName: false,
    laterMs: 0,
    ...silent,
    begin: (hosts) => {
      hosts.nameServer("plant");
      hosts.silence(true);
    },
  },
  {
    trigger: "its name does not resolve when the partition starts",
    lastsMs: 2000,
    isByName: true,
    laterMs: 0,
    reason: /name .*(ENOTFOUND|EAI_AGAIN|DNS)/,
    begin: () => {},
    end: (hosts) => hosts.name(true),
  },
  {
    trigger: "the name server does not answer for 15 s when the partition starts",
    lastsMs: 15_000,
    extent: "long",
    isByName: true,
    laterMs: 3 * resolverMs,
    reason: /name .*within 500 ms/,
    begin: (hosts) => {
      hosts.nameServer("plant");
      hosts.silence(true);
    },
    end: (hosts) => {
      hosts.name(true);
      hosts.silence(false);
    },
  },
];

async function waitsForItsReturn(
  t: TestContext,
  partition: TestedPartition,
  hosts: TwoHosts,
  outage: Outage,
  laterMs: number,
) {
  await pause(outage.lastsMs);
  assert.ok(partition.witness.isBad("victim"));
  assert.match(partition.witness.server("victim")?.lastError ?? "", outage.reason);
  outage.end(hosts);
  const stopwatch = new Stopwatch(partition.child.processId);
  await partition.untilGood("victim");
  const { isWithin, text } = stopwatch.stop(backWithinMs + laterMs);
  t.diagnostic(`back after ${text}`);
  assert.ok(isWithin, `back after ${text}`);
}

for (const [area, protocol] of Object.entries(protocols) as [keyof typeof protocols, "modbus" | "opcua"][]) {
  for (const outage of outages) {
    const { trigger, extent = "usual", lastsMs, begin } = outage;
    fault({
      area,
      trigger,
      holds:
        "its values are bad within the time-out and a cycle, the neighbour's stay good, and they are back within the retry interval",
      extent,
      limitMs: lastsMs + 60_000,
      run: async (t) => {
        const hosts = TwoHosts.create(t);
        if (hosts === undefined) return;
        const { partition, server } = await start(t, protocol, hosts);
        await partition.untilGood("victim");
        await partition.healthy();
        const connections = hosts.plantConnections(server.port);
        begin(hosts);
        await partition.untilBad("victim");
        await waitsForItsReturn(t, partition, hosts, outage, 0);
        await partition.until("old connections are gone", () => hosts.plantConnections(server.port) <= connections);
        await partition.until("old sessions are gone", () => protocol === "modbus" || sessionsOf(partition) === 1);
        await partition.end();
      },
    });
  }
  for (const obstacle of obstacles) {
    const { trigger, extent = "usual", lastsMs, isByName, laterMs, begin } = obstacle;
    fault({
      area,
      trigger,
      holds: "it says so, the neighbour's values come all the same, and its own come when that is over",
      extent,
      limitMs: lastsMs + 60_000,
      run: async (t) => {
        const hosts = TwoHosts.create(t);
        if (hosts === undefined) return;
        const host = isByName ? hosts.plantName : hosts.address;
        const { partition } = await start(t, protocol, hosts, host, begin);
        await waitsForItsReturn(t, partition, hosts, obstacle, laterMs);
        await partition.end();
      },
    });
  }
}
