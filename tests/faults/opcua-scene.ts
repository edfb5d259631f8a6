// A partition with two OPC UA servers: the victim, to which a case does what it likes, and its neighbour in a process of its own, to
// which nothing may happen. The victim runs in the test's process, so that a case can change what it answers, and at a port where
// it can come back as another one.

import assert from "node:assert/strict";
import { after, before, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { OpenSecureChannelResponse, ReadResponse, ServiceFault } from "node-opcua-client";
import type { DataValue, ReadRequest, Response, StatusCode } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { TestServerOptions } from "../plant/opcua-server.ts";
import type { Lifetime } from "../image/posix/own-objects.ts";
import { bornOpcUaXml, startBornOpcUa, type BornOpcUaServer } from "./born-opcua.ts";
import { BornServer } from "./born-server.ts";
import { isTried, type Extent } from "./fault.ts";
import { TestedPartition } from "./tested-partition.ts";

type Channel = ReturnType<OPCUAServer["endpoints"][number]["getChannels"]>[number];

export const intervalMs = 100;
export const timeoutMs = 500;
export const retryMs = 300;
/** What a busy machine may take for itself; a server that starts in the test's process keeps it busy. */
export const slackMs = 1500;

const neighbourPlace = 900;
const lookAgainMs = 50;

/** Results of a Read as they are, changed ones, or a fault of the whole request. */
export type ReadAnswer = (
  request: ReadRequest,
  results: readonly DataValue[],
) => readonly DataValue[] | StatusCode | undefined;

export class Victim {
  readonly port: number;
  /** Read requests so far. */
  reads = 0;
  renewals = 0;
  /** How often an answer to a Read is sent once more. */
  copies = 0;
  answer: ReadAnswer | undefined;
  /** Changes what is about to be sent. */
  alter: ((response: Response) => void) | undefined;
  /** What the next renewals of channel tokens are refused with. */
  renewalRefusal: StatusCode | undefined;
  readonly #t: TestContext;
  readonly #points: number;
  #running: Awaited<ReturnType<typeof startBornOpcUa>>;

  static async start(t: TestContext, points: number, options: Partial<TestServerOptions> = {}): Promise<Victim> {
    return new Victim(t, points, await startBornOpcUa(t, 0, points, options));
  }

  private constructor(t: TestContext, points: number, running: Awaited<ReturnType<typeof startBornOpcUa>>) {
    this.#t = t;
    this.#points = points;
    this.#running = running;
    this.port = running.port;
    this.#intercept();
  }

  get server(): OPCUAServer {
    return this.#running.server;
  }

  get sessions(): number {
    return this.server.engine.currentSessionCount;
  }

  get channels(): number {
    return this.server.endpoints.reduce((sum, endpoint) => sum + endpoint.getChannels().length, 0);
  }

  /** It goes, and comes back at the same port as another one. */
  async comesBack(options: Partial<TestServerOptions> = {}): Promise<void> {
    await this.goes();
    this.#running = await startBornOpcUa(this.#t, 0, this.#points, { ...options, port: this.port });
    this.#intercept();
  }

  async goes(): Promise<void> {
    await this.#running.close();
  }

  #intercept(): void {
    const answers = new WeakMap<object, readonly DataValue[] | StatusCode>();
    const { engine } = this.server;
    const read = engine.read.bind(engine);
    engine.read = async (context, request) => {
      this.reads++;
      const results = await read(context, request);
      const answer = this.answer?.(request as ReadRequest, results);
      if (answer !== undefined) answers.set(request, answer);
      return results;
    };
    for (const endpoint of this.server.endpoints) {
      endpoint.on("newChannel", (channel: Channel) => {
        const send = channel.send_response.bind(channel);
        let isOpen = false;
        channel.send_response = (type, response, message, callback) => {
          const isRenewal = response instanceof OpenSecureChannelResponse && isOpen;
          isOpen = true;
          if (isRenewal) this.renewals++;
          const answer = isRenewal ? this.renewalRefusal : answers.get(message.request);
          const sent = answer === undefined ? response : answerOf(answer);
          this.alter?.(sent);
          const copies = sent instanceof ReadResponse ? this.copies : 0;
          for (let copy = 0; copy < copies; copy++) send(type, sent, message);
          if (callback === undefined) send(type, sent, message);
          else send(type, sent, message, callback);
        };
      });
    }
  }
}

function answerOf(answer: readonly DataValue[] | StatusCode): ReadResponse | ServiceFault {
  return "value" in answer
    ? new ServiceFault({ responseHeader: { serviceResult: answer } })
    : new ReadResponse({ results: [...answer] });
}

/** For a whole file: its cases have the same neighbour. */
export function neighbourOfFile(smallest: Extent = "quick"): () => BornServer {
  let neighbour: BornServer | undefined;
  const endings: (() => unknown)[] = [];
  const life: Lifetime = { after: (ending) => void endings.push(ending) };
  before(async () => {
    // A file without a case has no end at which it could be stopped.
    if (isTried(smallest)) neighbour = await BornServer.start(life, "opcua", neighbourPlace, 2);
  });
  after(async () => {
    await neighbour?.end(); // politely first: it has a folder of its own to remove
    for (const end of endings) await end();
  });
  return () => neighbour ?? assert.fail("the neighbour is started before the first case");
}

export interface SceneOptions {
  readonly victim: Pick<Victim, "port">;
  readonly neighbour: BornServer;
  /** More victims, with the points of the first: "victim 2" and so on. */
  readonly others?: readonly Pick<Victim, "port">[];
  /** Default 2. The victim's points are in the places from 0 on. */
  readonly points?: number;
  /** What else the XML says of the victim; `settings` come after its timeout and its retryInterval. */
  readonly xml?: Partial<BornOpcUaServer>;
  /** The victim's own, when the case needs a longer one. */
  readonly victimTimeoutMs?: number;
  readonly args?: readonly string[];
}

export class OpcUaScene {
  readonly partition: TestedPartition;

  constructor(t: TestContext, options: SceneOptions) {
    const { victim, neighbour, others = [], points = 2, xml = {}, victimTimeoutMs = timeoutMs, args = [] } = options;
    const settings = settingsOf(victimTimeoutMs) + (xml.settings ?? "");
    this.partition = new TestedPartition(t, {
      opcua: bornOpcUaXml(
        { alias: "victim", port: victim.port, firstPlace: 0, points, ...xml, settings },
        ...others.map(({ port }, index) => ({ alias: `victim ${index + 2}`, port, firstPlace: 0, points, settings })),
        { alias: "neighbour", port: neighbour.port, firstPlace: neighbourPlace, points: 2, settings: settingsOf(5000) },
      ),
      interval: intervalMs / 1000,
      rules: {
        bystanders: ["neighbour"],
        oldestGoodMs: intervalMs + victimTimeoutMs + slackMs,
        longestPauseMs: slackMs,
      },
      args,
    });
  }

  get #victim() {
    return this.partition.witness.server("victim");
  }

  get reconnects(): number {
    return this.#victim?.reconnects ?? 0;
  }

  failures(code: FailureKind): number {
    return this.#victim?.failures[code] ?? 0;
  }

  /** Whoever reads its own last error waits with this: the first failure of an outage may be another than the one that lasts. */
  async shows(code: FailureKind, because: RegExp): Promise<void> {
    await this.partition.until(`status says ${code}, ${String(because)}; it says ${this.#victim?.lastError}`, () => {
      return this.failures(code) > 0 && because.test(this.#victim?.lastError ?? "");
    });
  }

  async isHealthy(): Promise<void> {
    await this.partition.untilGood("victim", "neighbour");
    await this.partition.healthy();
  }

  async isFailing(code: FailureKind, because: RegExp): Promise<void> {
    await this.partition.untilBad("victim");
    await this.shows(code, because);
  }

  async recovers(): Promise<void> {
    await this.partition.untilGood("victim");
  }

  /** After a refusal: in its own time, which is longer than what is waited for otherwise; the case's limit ends it. */
  async recoversSlowly(): Promise<void> {
    while (this.partition.child.isRunning && !this.partition.witness.isGood("victim")) await pause(lookAgainMs);
    await this.recovers();
  }

  /** Polls of the victim so far. */
  get cycles(): number {
    return this.#victim?.cycle ?? 0;
  }

  /** Ends the partition; the victim, when it is given, must have no session and no channel of it any more. */
  async ends(victim?: Victim): Promise<void> {
    if (victim !== undefined) {
      const { sessions, channels } = victim;
      assert.deepEqual({ sessions, channels }, { sessions: 1, channels: 1 }, "at the server of a healthy partition");
    }
    await this.partition.end();
    if (victim === undefined) return;
    const { sessions, channels } = victim;
    assert.deepEqual({ sessions, channels }, { sessions: 0, channels: 0 }, "left at the server");
  }
}

export function settingsOf(timeout: number): string {
  return `<timeout>${timeout / 1000}</timeout><retryInterval>${retryMs / 1000}</retryInterval>`;
}
