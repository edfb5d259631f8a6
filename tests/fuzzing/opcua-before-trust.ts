// What a server sends before anybody trusts it: acknowledgement, OpenSecureChannel, GetEndpoints, CreateSession, ActivateSession, one of them
// spoiled in any field and length, or grown to the size that a message may have; the whole client asks for it, with and without security.
//
// Promised: whatever comes, connecting ends with a ServerError, nothing is thrown where nobody catches it, and no turn of the event loop,
// in which neighbours have to wait, becomes long. Memory is for the campaign to judge.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  ActivateSessionResponse,
  CreateSessionResponse,
  GetEndpointsResponse,
  NodeId,
  ServiceFault,
  StatusCodes,
} from "node-opcua-client";
import { OpcUaClient } from "../../packages/partition/src/library/opcua-client.ts";
import { ServerError } from "../../packages/partition/src/sources/server-error.ts";
import { certificateIn, configuredServer, never, nodeNamed, temporaryFolder } from "../plant/opcua-server.ts";
import { endpointsOf, messageOf } from "../plant/opcua-messages.ts";
import { honest, messageChunks, startRogue, type Answers, type Rogue } from "../plant/rogue-opcua.ts";
import type { Target } from "./campaign.ts";
import { isFaultOfNodeOpcUa } from "./fault-of-library.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const laneCount = 8;
/** Types of requests (OPC 10000-6, A.3) and what answers them. */
const getEndpoints = 428;
const createSession = 461;
const activateSession = 467;
const steps = ["hello", "opening", getEndpoints, createSession, activateSession] as const;
type Step = (typeof steps)[number];

const lookEveryMs = 5;
/** On the processor, the rogue's own work in the same thread included. */
const mostBusyMs = 150;
/** Until then code is loaded and compiled, and our certificate is made. */
const firstJudged = 100;
const honestTimeoutMs = 30_000;
const mostMessageBytes = 256 * 1024;

export async function opcuaBeforeTrust(): Promise<Target> {
  const folder = await temporaryFolder();
  const { certificateFile } = await certificateIn(folder.path, "server");
  const messages = messagesOf(readFileSync(certificateFile));
  const notes: Record<string, number> = {};
  const count = (outcome: string): void => void (notes[outcome] = (notes[outcome] ?? 0) + 1);
  const failures: unknown[] = [];
  const onFault = (error: unknown): void => {
    if (isFaultOfNodeOpcUa(error)) count("faults of node-opcua");
    else failures.push(error);
  };
  process.on("uncaughtException", onFault);
  const lanes = await Promise.all(
    Array.from({ length: laneCount }, (_, index) =>
      openLane(messages, join(folder.path, "certificates"), index % 2 === 0),
    ),
  );
  const free = [...lanes];
  const underway = new Set<Promise<void>>();
  const busy = new BusyMeter();
  return {
    name: "OPC UA server before trust",
    run: async (random, input) => {
      while (free.length === 0) await Promise.race(underway);
      const lane = free.pop() as Lane;
      const work = lane
        .attempt(random)
        .then(count, (error: unknown) => void failures.push(error))
        .finally(() => {
          underway.delete(work);
          free.push(lane);
        });
      underway.add(work);
      assert.deepEqual(failures, []);
      const busyMs = busy.takeLongestMs();
      if (input >= firstJudged) assert.ok(busyMs < mostBusyMs, `the thread was busy for ${busyMs} ms at a time`);
    },
    close: async () => {
      await Promise.all(underway);
      assert.deepEqual(failures, []);
      for (const lane of lanes) assert.equal(await lane.attempt(undefined), lane.honestly);
      busy.stop();
      await Promise.all(lanes.map((lane) => lane.close()));
      await folder.remove();
      process.off("uncaughtException", onFault);
    },
    notes: () => ({
      ...notes,
      "longest the thread was busy at a time, ms": Math.round(busy.longestMs),
    }),
  };
}

/** How long a neighbour would have had to wait: time on the processor, since what a busy machine takes is not the client's doing. */
class BusyMeter {
  longestMs = 0;
  #latestMs = 0;
  #since = process.threadCpuUsage();
  readonly #timer = setInterval(() => this.#look(), lookEveryMs);

  /** Since the last call. */
  takeLongestMs(): number {
    const latestMs = this.#latestMs;
    this.#latestMs = 0;
    this.longestMs = Math.max(this.longestMs, latestMs);
    return latestMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { user, system } = process.threadCpuUsage(this.#since);
    this.#since = process.threadCpuUsage();
    this.#latestMs = Math.max(this.#latestMs, (user + system) / 1000);
  }
}

type Messages = ReadonlyMap<number, Buffer>;

function messagesOf(certificate: Buffer): Messages {
  const endpoints = endpointsOf(Buffer.concat([certificate, certificate]));
  const serverNonce = Buffer.alloc(32, 7);
  const session = {
    sessionId: numericId(1),
    authenticationToken: numericId(2),
    revisedSessionTimeout: 10_000,
    serverNonce,
    serverEndpoints: endpoints,
  };
  const responses = new Map<number, ServiceFault>([
    [getEndpoints, new GetEndpointsResponse({ endpoints })],
    [createSession, new CreateSessionResponse(session)],
    [activateSession, new ActivateSessionResponse({ serverNonce })],
  ]);
  return new Map([...responses].map(([request, response]) => [request, messageOf(response)]));
}

function numericId(value: number): NodeId {
  return new NodeId(NodeId.NodeIdType.NUMERIC, value, 1);
}

const fault = messageOf(new ServiceFault({ responseHeader: { serviceResult: StatusCodes.BadServiceUnsupported } }));

interface Lane {
  /** How an attempt ends at which nothing is spoiled. */
  readonly honestly: string;
  /** How it ended. Rejects when that is not how connecting may end. */
  attempt(random: Random | undefined): Promise<string>;
  close(): Promise<void>;
}

async function openLane(messages: Messages, directory: string, isSecure: boolean): Promise<Lane> {
  let spoil = leftAlone;
  const spoilAll = (step: Step, chunks: readonly Buffer[]): readonly Buffer[] =>
    chunks.map((chunk) => spoil(step, chunk));
  const answers: Answers = {
    hello: (...asked) => spoilAll("hello", honest.hello(...asked)),
    opening: (...asked) => spoilAll("opening", honest.opening(...asked)),
    endpoints: (requestId, nextSequence, request) => {
      const message = messages.get(request) ?? fault;
      return messageChunks(spoil(request as Step, message), requestId, nextSequence);
    },
  };
  const rogue: Rogue = await startRogue(answers);
  const security = isSecure ? ({ policy: "Basic256Sha256", mode: "SignAndEncrypt" } as const) : {};
  const configured = configuredServer(rogue.url, { nodes: [nodeNamed("node")], timeoutMs: 100, ...security });
  const spoiled = new OpcUaClient(configured, { directory });
  const attempt = async (random: Random | undefined): Promise<string> => {
    const client =
      random === undefined ? new OpcUaClient({ ...configured, timeoutMs: honestTimeoutMs }, { directory }) : spoiled;
    if (random !== undefined) spoil = spoiler(random);
    try {
      await client.connect(never);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      return error.code;
    } finally {
      await client.disconnect();
      spoil = leftAlone;
    }
    return "connected";
  };
  return { honestly: await attempt(undefined), attempt, close: () => rogue[Symbol.asyncDispose]() };
}

function leftAlone(_step: Step, bytes: Buffer): Buffer {
  return bytes;
}

/** Spoils one of the steps: bits, lengths and pieces, or a piece as often as a message has room for it. */
function spoiler(random: Random): (step: Step, bytes: Buffer) => Buffer {
  const chosen = random.pick(steps);
  const grows = random.oneIn(4);
  return (step, bytes) => {
    if (step !== chosen) return bytes;
    const spoiled = mutate(bytes, random);
    return grows && typeof step === "number" ? grown(spoiled, random) : spoiled;
  };
}

function grown(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length + 1);
  const piece = bytes.subarray(start, start + random.from(1, 64));
  if (piece.length === 0) return bytes;
  const room = mostMessageBytes - bytes.length - 1024;
  const pieces = Buffer.alloc(random.below(room), piece);
  const more = Buffer.concat([bytes.subarray(0, start), pieces, bytes.subarray(start)]);
  // A count before it that is about right lets the decoder go all the way.
  if (start >= 4)
    more.writeUInt32LE(random.pick([pieces.length, Math.floor(pieces.length / piece.length), 0xffff_ffff]), start - 4);
  return more;
}
