// How many gateways does a cluster carry? Three nats-servers with JetStream on this machine, a stream of three replicas, and simulated bridges: each has
// the connection, the subjects and the acknowledgements of a real one, and changes from memory instead of a journal.
//
//   node benchmarks/bridge-site.ts [--json] [--kill] [GATEWAYS [CHANGES-PER-SECOND-OF-EACH [SECONDS]]]
//
// `--kill`: half-way the leader of the stream is killed. Its gateways connect to the others and send again what had no acknowledgement.

import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import { OutputError, type Session } from "../packages/bridge/src/outputs/output.ts";
import type { Engine } from "../tests/bridge/engines/engine.ts";
import { startNatsCluster } from "../tests/bridge/engines/nats-server.ts";
import { changesOf, contextOf, jetStreamOutput } from "../tests/bridge/outputs/jetstream/jetstream-rig.ts";
import { quantile, tell } from "./report.ts";

const [gatewaysText, rateText, secondsText] = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const gateways = Number(gatewaysText ?? 1000);
const changesPerSecond = Number(rateText ?? 50);
const seconds = Number(secondsText ?? 20);
const ticksPerSecond = 100;
const root = "site";
const isOneKilled = process.argv.includes("--kill");

const endings: (() => void | Promise<void>)[] = [];
try {
  const servers = await startNatsCluster({ after: (end) => void endings.push(end) });
  const addresses = servers.map(({ port }) => `nats://127.0.0.1:${port}`);
  const connect = async (gateway: number): Promise<Session> => {
    for (let turn = gateway; ; turn++) {
      const output = jetStreamOutput({
        address: addresses[turn % addresses.length] ?? "",
        replicas: 3,
        layout: "server",
        subject: `${root}.g${gateway}`,
        stream: "SITE",
        maxSize: "1G",
        timeout: isOneKilled ? "10s" : "30s",
      });
      try {
        return await output.connect(contextOf());
      } catch (error) {
        if (!(error instanceof OutputError) || error.isForPeople) throw error;
        await pause(200);
      }
    }
  };
  // The stream of the site takes the subjects of all gateways, so somebody makes it for all of them.
  const founder = jetStreamOutput({ address: addresses[0], replicas: 3, subject: root, stream: "SITE", maxSize: "1G" });
  for (let isMade = false; !isMade;) {
    try {
      const session = await founder.connect(contextOf());
      await session.end();
      isMade = true;
    } catch (error) {
      if (!(error instanceof OutputError) || error.isForPeople) throw error;
      await pause(200);
    }
  }
  const connectedMs = performance.now();
  const sessions: Session[] = [];
  for (let first = 0; first < gateways; first += 50)
    sessions.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(50, gateways - first) }, async (_, index) => await connect(first + index)),
      )),
    );
  const connectS = (performance.now() - connectedMs) / 1000;

  let taken = 0;
  let messages = 0;
  let reconnects = 0;
  const acknowledgedMs: number[] = [];
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1000;
  const cpuBefore = servers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  const publish = async (gateway: number, first: number): Promise<void> => {
    const changes = changesOf(changesPerSecond, first);
    for (let isRepeat = false; ; isRepeat = true) {
      try {
        await sessions[gateway]?.publish({ kind: "live", isRepeat, changes });
        return;
      } catch (error) {
        if (!(error instanceof OutputError) || error.isForPeople) throw error;
        reconnects++;
        sessions[gateway] = await connect(gateway);
      }
    }
  };
  const live = async (gateway: number): Promise<void> => {
    await pause(Math.random() * 1000);
    for (let first = 0; performance.now() < untilMs; first += changesPerSecond) {
      const publishedMs = performance.now();
      await publish(gateway, first);
      taken += changesPerSecond;
      messages++;
      acknowledgedMs.push(performance.now() - publishedMs);
      await pause(Math.max(0, 1000 - (performance.now() - publishedMs)));
    }
  };
  let killed: Engine | undefined;
  const fault = async (): Promise<void> => {
    await pause((seconds * 1000) / 2);
    if (!isOneKilled) return;
    const { cluster } = await siteStream(servers[0]?.port ?? 0);
    // They are called node0, node1 and node2.
    killed = servers[Number(cluster?.leader?.slice(-1))];
    await killed?.kill();
  };
  await Promise.all([fault(), ...sessions.map(async (_, gateway) => await live(gateway))]);
  const elapsedS = (performance.now() - startMs) / 1000;
  const alive = servers.filter((server) => server !== killed);
  const cpuS = alive.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0) - cpuBefore;
  const rss = alive.map(({ pid }) => residentMiB(pid));
  // Of the gateways' changes; a repeat is dropped by its id.
  const { subjects = {} } = (await siteStream(alive[0]?.port ?? 0)).state;
  const stored = Object.values(subjects).reduce((sum, count) => sum + count, 0);
  await Promise.all(sessions.map(async (session) => await session.end()));
  tell({
    question: `Does a cluster of three carry ${gateways} gateways with ${changesPerSecond} changes a second each${isOneKilled ? ", and what happens when its leader is killed" : ""}?`,
    lines: [
      {
        what: "changes/s that the stream stored on three servers",
        figure: Math.round(taken / elapsedS),
        wanted: String(gateways * changesPerSecond),
      },
      { what: "from publishing to the acknowledgement, p50 ms", figure: quantile(acknowledgedMs, 0.5) },
      { what: "the same, p99 ms", figure: quantile(acknowledgedMs, 0.99) },
      { what: "the longest, s", figure: Math.max(...acknowledgedMs) / 1000 },
      { what: "messages that were acknowledged and are not stored", figure: messages - stored, wanted: "0" },
      ...(isOneKilled ? [{ what: "connections that were made anew", figure: reconnects }] : []),
      { what: "until all gateways were connected, s", figure: connectS },
      ...(isOneKilled ? [] : [{ what: "share of a core, three servers together, %", figure: (100 * cpuS) / elapsedS }]),
      { what: "memory (RSS) of a server, MiB", figure: Math.max(...rss) },
    ],
    remarks: ["one message for each gateway and second; cluster and simulated gateways on one machine"],
  });
} finally {
  for (const end of endings.toReversed()) await end();
}

/** With the subjects of live changes. */
async function siteStream(port: number): Promise<StreamInfo> {
  const connection = await connectNats({ servers: `127.0.0.1:${port}` });
  const { streams } = await jetstreamManager(connection);
  const info = await streams.info("SITE", { subjects_filter: `${root}.*.live.>` });
  await connection.close();
  return info;
}

/** proc(5): the fields behind the name in parentheses. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
