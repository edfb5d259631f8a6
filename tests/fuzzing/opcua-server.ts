// A real OPC UA server behind a proxy that spoils what the server says, anywhere from the acknowledgement to the values; the real client
// connects and polls. Without security, so that no signature keeps the spoiled bytes from the decoders.
//
// A poll has to end with values of the promised shape or with a ServerError, and the client has to work again afterwards.

import assert from "node:assert/strict";
import { join } from "node:path";

import { DataType, Variant } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";

import { OpcUaClient } from "../../packages/partition/src/library/opcua-client.ts";
import { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { sampleVariants } from "../partition/protocols/opcua/every-variant.ts";
import {
  addConstant,
  certificateIn,
  configuredServer,
  never,
  nodeNamed,
  portOf,
  startServer,
  temporaryFolder,
} from "../plant/opcua-server.ts";
import { TcpProxy } from "../plant/tcp-proxy.ts";
import type { Target } from "./campaign.ts";
import { isFaultOfNodeOpcUa } from "./fault-of-library.ts";
import { JudgingSink } from "./judging-sink.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

/** Pieces that a server sends from the first connection to the end of the first poll, about. */
const piecesOfConnect = 14;
const laneCount = 8;

export async function opcuaServer(): Promise<Target> {
  const folder = await temporaryFolder();
  const variants = [...sampleVariants().slice(0, 60), new Variant({ dataType: DataType.Double, value: 1 })];
  const { server, url } = await startServer({
    folder: join(folder.path, "server"),
    certificate: await certificateIn(folder.path, "server"),
    build: (built) => variants.forEach((variant, index) => addConstant(built, `v${index}`, variant)),
  });
  const notes: Record<string, number> = { values: 0, "faults of node-opcua": 0 };
  const count = (outcome: string, times = 1): void => {
    notes[outcome] = (notes[outcome] ?? 0) + times;
  };
  const failures: unknown[] = [];
  const onFault = (error: unknown): void => {
    if (isFaultOfNodeOpcUa(error)) count("faults of node-opcua");
    else failures.push(error);
  };
  process.on("uncaughtException", onFault);
  const lanes = await Promise.all(
    Array.from({ length: laneCount }, () => openLane(url, variants.length, join(folder.path, "certificates"), count)),
  );
  const free = [...lanes];
  const underway = new Set<Promise<void>>();

  return {
    name: "OPC UA client, rogue server",
    run: async (random, input) => {
      forgetAbandoned(server);
      while (free.length === 0) await Promise.race(underway);
      const lane = free.pop() as Lane;
      const work = within(lane.attempt(random), `input ${input}`, lane.step)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => {
          underway.delete(work);
          free.push(lane);
        });
      underway.add(work);
      assert.deepEqual(failures, []);
    },
    close: async () => {
      await Promise.all(underway);
      forgetAbandoned(server);
      assert.deepEqual(failures, []);
      await Promise.all(lanes.map((lane) => lane.close()));
      await server.shutdown(0);
      await folder.remove();
      process.off("uncaughtException", onFault);
    },
    notes: () => notes,
  };
}

/** Sessions whose connection is lost stay for a minute; a server that is full of them would answer nothing else. */
function forgetAbandoned({ engine, endpoints }: OPCUAServer): void {
  const open = new Set<unknown>(
    endpoints.flatMap((endpoint) => endpoint.getChannels()).map(({ channelId }) => channelId),
  );
  for (const { authenticationToken, channelId } of engine.getSessions()) {
    if (!open.has(channelId)) engine.closeSession(authenticationToken, true, "Terminated");
  }
}

interface Lane {
  /** What it is doing. */
  readonly step: () => string;
  attempt(random: Random): Promise<void>;
  /** Rejects unless everything is read again from the honest server. */
  close(): Promise<void>;
}

/** Every wait of the client is bounded by its time-out or by a farewell of two seconds; this is far above their sum. */
const longestMs = 20_000;

async function within(work: Promise<void>, input: string, step: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${input} is ${step()} for ever`)), longestMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Number of values, each of the promised shape. */
async function poll(client: OpcUaClient): Promise<number> {
  const sink = new JudgingSink({
    responseCame: () => {},
    setNumber: () => {},
    setTimedNumber: () => {},
    setValue: () => {},
    unchanged: () => {},
    setStatus: () => {},
  });
  await client.poll(sink, never);
  return sink.values;
}

/** A proxy of its own and the client behind it, so that several wait for their time-outs at once. */
async function openLane(
  url: string,
  nodeCount: number,
  directory: string,
  count: (outcome: string, times?: number) => void,
): Promise<Lane> {
  let spoil = leftAlone;
  const proxy = await TcpProxy.start(portOf(url));
  proxy.faults.spoil = (direction, bytes) => (direction === "to client" ? spoil(bytes) : bytes);
  const nodes = Array.from({ length: nodeCount }, (_, index) => nodeNamed(`v${index}`));
  const configured = configuredServer(proxy.url, { nodes, timeoutMs: 200 });
  const client = new OpcUaClient(configured, { directory });
  let isConnected = false;
  let step = "nothing";
  return {
    step: () => step,
    attempt: async (random) => {
      if (random.oneIn(3) && isConnected) {
        step = "disconnecting";
        await client.disconnect();
        isConnected = false;
      }
      spoil = spoiler(random, isConnected ? random.below(2) : random.below(piecesOfConnect));
      try {
        step = "connecting";
        if (!isConnected) await client.connect(never);
        isConnected = true;
        step = "polling";
        count("values", await poll(client));
        count("poll ended");
      } catch (error) {
        isConnected = false;
        if (!(error instanceof ServerError)) throw error;
        count(error.code);
      }
      spoil = leftAlone;
    },
    close: async () => {
      await client.disconnect();
      const patient = new OpcUaClient({ ...configured, timeoutMs: 30_000 }, { directory });
      await patient.connect(never);
      assert.equal(await poll(patient), nodes.length);
      await patient.disconnect();
      await proxy.close();
    },
  };
}

function leftAlone(bytes: Buffer): Buffer {
  return bytes;
}

/** Leaves the first `skip` pieces alone, spoils the next one, and every so often all that follow. */
function spoiler(random: Random, skip: number): (bytes: Buffer) => Buffer {
  let rest = skip;
  const goesOn = random.oneIn(8);
  return (bytes) => {
    if (rest-- > 0) return bytes;
    if (rest < -1 && !goesOn) return bytes;
    if (random.oneIn(4)) return mutate(bytes, random);
    const head = bytes.subarray(0, 8);
    const spoiled = Buffer.concat([head, mutate(bytes.subarray(8), random)]);
    if (spoiled.length >= 8 && !random.oneIn(8)) spoiled.writeUInt32LE(spoiled.length, 4);
    return spoiled;
  };
}
