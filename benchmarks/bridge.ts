// What does the bridge cost at many changes a second, and how old is a value when a host's program has it? For each output: a plant in a process
// of its own, `cpc bridge` as it is installed, and an engine that others wrote, on loopback. Needs what scripts/test-bridge installs.
//
//   node benchmarks/bridge.ts [--json] [CHANGES-PER-SECOND [SECONDS [PART-OF-AN-OUTPUT'S-NAME]]]

import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectNats } from "@nats-io/transport-node";
import { connectAsync } from "mqtt";
import { get as sparkplugCodec } from "sparkplug-payload";
import { mosquitto } from "../tests/bridge/engines/mosquitto.ts";
import { startNats } from "../tests/bridge/engines/nats-server.ts";
import { BridgeProcess, type BridgeLaunch } from "../tests/bridge/faults/bridge-process.ts";
import { until } from "../tests/until.ts";
import { builtPackages } from "./built-packages.ts";
import { quantile, tell, type Line } from "./report.ts";

const [rateText, secondsText, part = ""] = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const changesPerSecond = Number(rateText ?? 100_000);
const seconds = Number(secondsText ?? 15);
const points = 1000;
/** USER_HZ, which is 100 on every Linux of today. */
const ticksPerSecond = 100;

type Endings = (() => void | Promise<void>)[];
/** What a host's program got: how many changes, and when the newest of them was read from the plant. */
type Received = (changes: number, readMs: number) => void;

interface Contest {
  readonly output: Readonly<Record<string, unknown>>;
  readonly begin: (
    endings: Endings,
  ) => Promise<{ port: number; scheme: string; listen: (received: Received) => Promise<void> }>;
}

const json = (text: string): { changes: number; readMs: number } => {
  const parsed = JSON.parse(text) as { time: string } | readonly { time: string }[];
  const all = [parsed].flat() as readonly { time: string }[];
  return { changes: all.length, readMs: Date.parse(all.at(-1)?.time ?? "") };
};

const overNats: Contest["begin"] = async (endings) => {
  const { port } = await startNats({ after: (end) => void endings.push(end) });
  const listen = async (received: Received): Promise<void> => {
    const connection = await connectNats({ servers: `127.0.0.1:${port}` });
    endings.push(async () => await connection.close());
    connection.subscribe("cpc.live.>", {
      callback: (_error, message) => {
        const { changes, readMs } = json(message.string());
        received(changes, readMs);
      },
    });
  };
  return { port, scheme: "nats", listen };
};

const overMqtt =
  (topic: string, read: (payload: Buffer) => { changes: number; readMs: number }): Contest["begin"] =>
  async (endings) => {
    const engine = await mosquitto({ after: (end) => void endings.push(end) });
    await engine.start();
    const listen = async (received: Received): Promise<void> => {
      const client = await connectAsync(`mqtt://127.0.0.1:${engine.port}`, { protocolVersion: 4 });
      endings.push(async () => await client.endAsync(true));
      client.on("message", (_topic, payload) => {
        const { changes, readMs } = read(payload);
        received(changes, readMs);
      });
      await client.subscribeAsync(topic);
    };
    return { port: engine.port, scheme: "mqtt", listen };
  };

const built: BridgeLaunch = { main: builtPackages().main, env: { NODE_OPTIONS: undefined } };

const codec = sparkplugCodec("spBv1.0");
const sparkplugRead = (payload: Buffer): { changes: number; readMs: number } => {
  const metrics = codec?.decodePayload(payload).metrics ?? [];
  return { changes: metrics.length, readMs: Number(metrics.at(-1)?.timestamp) };
};

const contests: Readonly<Record<string, Contest>> = {
  "JetStream, a message for each server": { output: { type: "jetstream", layout: "server" }, begin: overNats },
  "JetStream, a message for each point": { output: { type: "jetstream", layout: "point" }, begin: overNats },
  "MQTT with JSON, a message for each server": {
    output: { type: "mqtt", layout: "server" },
    begin: overMqtt("cpc/live/#", (payload) => json(payload.toString())),
  },
  "MQTT Sparkplug B": {
    output: { type: "sparkplug", group: "site", edgeNode: "gateway" },
    begin: overMqtt("spBv1.0/site/DDATA/#", sparkplugRead),
  },
};

async function measure(name: string, { output, begin }: Contest): Promise<readonly Line[]> {
  const endings: Endings = [];
  try {
    const { port, scheme, listen } = await begin(endings);
    const plant = fork(new URL("../tests/bridge/faults/changing-plant-process.ts", import.meta.url), [
      String(points),
      String(changesPerSecond),
    ]);
    endings.push(async () => {
      const ended = once(plant, "exit");
      plant.disconnect();
      await ended;
    });
    const [prefix] = (await once(plant, "message")) as [string];
    let received = 0;
    const agesMs: number[] = [];
    await listen((changes, readMs) => {
      received += changes;
      agesMs.push(Date.now() - readMs);
    });
    const bridge = new BridgeProcess(
      { after: (end) => void endings.push(end) },
      prefix,
      {
        ...output,
        address: `${scheme}://127.0.0.1:${port}`,
        batch: "20ms",
      },
      built,
    );
    bridge.start();
    await until("the host's program gets changes", () => received > 2 * changesPerSecond, {
      evidence: () => bridge.printed,
    });
    agesMs.length = 0;
    const before = { cpuS: cpuSeconds(bridge.pid), received, ms: performance.now() };
    await pause(seconds * 1000);
    const elapsedS = (performance.now() - before.ms) / 1000;
    const cpuS = cpuSeconds(bridge.pid) - before.cpuS;
    return [
      {
        what: `${name}: changes/s that the host's program got`,
        figure: Math.round((received - before.received) / elapsedS),
        wanted: String(changesPerSecond),
      },
      { what: `${name}: the bridge's share of a core, %`, figure: (100 * cpuS) / elapsedS, wanted: "< 100" },
      {
        what: `${name}: the bridge's memory (RSS), MiB, with the 32 MiB of the journal that it reads`,
        figure: residentMiB(bridge.pid),
        wanted: "< 200",
      },
      { what: `${name}: from the plant's value to the host's callback, p50 ms`, figure: quantile(agesMs, 0.5) },
      { what: `${name}: the same, p99 ms`, figure: quantile(agesMs, 0.99) },
    ];
  } finally {
    for (const end of endings.toReversed()) await end();
  }
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

const lines: Line[] = [];
for (const [name, contest] of Object.entries(contests))
  if (name.includes(part)) lines.push(...(await measure(name, contest)));
tell({
  question: `What does the bridge cost at ${changesPerSecond.toLocaleString("en")} changes a second?`,
  lines,
  remarks: [
    `${points} points that all change together; batches of 20 ms; plant, bridge, engine and host's program on one machine`,
    "an age counts the waiting in the bridge and in the engine, and the time that the host's program needs to decode",
  ],
});
