// An OPC UA server of born values in this process, and a partition that reads it over many lines at once: each *victim* has a
// line of its own to suffer on, the *neighbour* has a straight one.
//
// At the end of a scene the server must have no session and no channel left. It forgets a victim's session that nobody uses after
// a second: one whose connection broke cannot be closed by anybody, and a minute would be too long to wait for.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, type TestContext } from "node:test";
import { CreateSessionRequest } from "node-opcua-client";
import { certificateIn, temporaryFolder, type CertificateFiles } from "../plant/opcua-server.ts";
import type { ServerHealth } from "../../packages/image/src/health.ts";
import type { Lifetime } from "../image/posix/own-objects.ts";
import { bornOpcUaXml, startBornOpcUa, type BornOpcUaServer, type RunningOpcUaServer } from "./born-opcua.ts";
import { isTried, type Extent } from "./fault.ts";
import { TestedPartition } from "./tested-partition.ts";
import { Stopwatch } from "./stopwatch.ts";
import { TcpProxy } from "../plant/tcp-proxy.ts";
import type { WitnessRules } from "./witness.ts";

export const timeoutMs = 1000;
export const retryIntervalMs = 300;
export const intervalMs = 100;
export const settings = `<timeout>${timeoutMs / 1000}</timeout><retryInterval>${retryIntervalMs / 1000}</retryInterval>`;
/** A victim whose values come by subscription. */
export const subscribed = { settings: `${settings}<acquisition>subscribe</acquisition>` };
export const pointsPerVictim = 2;
const mostVictims = 16;
const neighbourPlace = 500;
/** Longer than a pause that the witness lets pass: the machine is busy, too. */
const neighbourSettings = "<timeout>5</timeout>";
const unusedSessionMs = 1000;
/** For connecting, on a machine that does something else as well. */
const connectingMs = 10_000;

export interface VictimOptions {
  /** SignAndEncrypt, with the server's certificate pinned. */
  readonly isSecure?: boolean;
  readonly settings?: string;
  /** Where the line ends; default: at the server of born values. Asked for each connection. */
  readonly target?: () => number;
  /** Another server, without a line before it. */
  readonly host?: string;
  readonly port?: number;
}

export interface Victim {
  readonly alias: string;
  readonly line: TcpProxy;
}

export class OpcUaLines {
  readonly #running: RunningOpcUaServer;
  readonly #certificate: CertificateFiles;

  private constructor(running: RunningOpcUaServer, certificate: CertificateFiles) {
    this.#running = running;
    this.#certificate = certificate;
    running.server.on("newChannel", (channel) => {
      channel.prependListener("message", ({ request }) => {
        if (!(request instanceof CreateSessionRequest)) return;
        const isNeighbour = request.endpointUrl?.endsWith(`:${running.port}`) === true;
        if (!isNeighbour) request.requestedSessionTimeout = unusedSessionMs;
      });
    });
  }

  static async start(life: Lifetime): Promise<OpcUaLines> {
    const folder = await temporaryFolder();
    life.after(folder.remove);
    const certificate = await certificateIn(folder.path, "server");
    const points = neighbourPlace + pointsPerVictim;
    const running = await startBornOpcUa(life, 0, points, {
      folder: join(folder.path, "server"),
      certificate,
      policies: ["Basic256Sha256"],
      maxSessions: 200,
    });
    return new OpcUaLines(running, certificate);
  }

  get port(): number {
    return this.#running.port;
  }

  get sessions(): number {
    return this.#running.server.engine.currentSessionCount;
  }

  get channels(): number {
    return this.#running.server.currentChannelCount;
  }

  /** Subscriptions that it keeps for those who left: for a minute, with timers. */
  forgetSubscriptions(): void {
    const { engine } = this.#running.server;
    const orphans = Reflect.get(engine, "_orphanPublishEngine") as
      { readonly subscriptions: readonly Parameters<typeof engine.deleteOrphanSubscription>[0][] } | undefined;
    for (const subscription of orphans?.subscriptions ?? []) engine.deleteOrphanSubscription(subscription);
  }

  /** A partition with these victims and the neighbour. The points of victim 0 are those of places 0 and 1. */
  async scene(t: TestContext, victims: readonly VictimOptions[], rules: Partial<WitnessRules> = {}): Promise<Scene> {
    assert.ok(victims.length <= mostVictims);
    const lines = await Promise.all(victims.map(({ target }) => TcpProxy.start(target ?? this.#running.port)));
    t.after(() => Promise.all(lines.map((line) => line.close())));
    const servers = victims.map((victim, index) => this.#configured(victim, index, lines[index]?.port ?? 0));
    const neighbour = {
      alias: "neighbour",
      port: this.#running.port,
      firstPlace: neighbourPlace,
      points: pointsPerVictim,
      settings: neighbourSettings,
    };
    const partition = new TestedPartition(t, {
      opcua: bornOpcUaXml(...servers, neighbour),
      interval: intervalMs / 1000,
      rules: { bystanders: ["neighbour"], ...rules },
    });
    const named = lines.map((line, index) => ({ alias: aliasOf(index), line }));
    return new Scene(this, partition, named);
  }

  #configured(victim: VictimOptions, index: number, port: number): BornOpcUaServer {
    const pinned = `<server_certificate>${this.#certificate.certificateFile}</server_certificate>`;
    return {
      alias: aliasOf(index),
      ...(victim.host === undefined ? {} : { host: victim.host }),
      port: victim.port ?? port,
      firstPlace: pointsPerVictim * index,
      points: pointsPerVictim,
      settings: victim.settings ?? settings,
      ...(victim.isSecure === true ? { policy: "Basic256Sha256", security: pinned } : {}),
    };
  }
}

export class Scene {
  readonly partition: TestedPartition;
  readonly victims: readonly Victim[];
  readonly #server: OpcUaLines;

  constructor(server: OpcUaLines, partition: TestedPartition, victims: readonly Victim[]) {
    this.#server = server;
    this.partition = partition;
    this.victims = victims;
  }

  get aliases(): readonly string[] {
    return this.victims.map(({ alias }) => alias);
  }

  victim(index: number): Victim {
    const victim = this.victims[index];
    assert.ok(victim);
    return victim;
  }

  /** As `cpc status` tells it. */
  health(alias: string): ServerHealth {
    const health = this.partition.witness.server(alias);
    assert.ok(health, `${alias} is in the image`);
    return health;
  }

  async allGood(): Promise<void> {
    await this.partition.untilGood("neighbour", ...this.aliases);
    await this.partition.healthy();
  }

  /** Of each: `cpc status` tells this reason. */
  async reasonsTold(...reasons: readonly RegExp[]): Promise<void> {
    const logged = (): boolean =>
      reasons.every((reason, index) => reason.test(this.health(this.victim(index).alias).lastError));
    await this.partition.until("each tells its reason", logged);
  }

  async allBad(): Promise<void> {
    await this.partition.untilBad(...this.aliases);
  }

  /** Polls that were answered, of each. */
  async polledAgain(times: number): Promise<void> {
    const cycles = this.aliases.map((alias) => this.health(alias).cycle + times);
    await this.partition.until(`${times} polls more were answered`, () =>
      this.aliases.every((alias, index) => this.health(alias).cycle >= (cycles[index] ?? 0)),
    );
  }

  /** Mends every line; then values come by themselves, and not later than is said: the wait that is under way, the pause, connecting. */
  async recovers(): Promise<void> {
    const stopwatch = new Stopwatch(this.partition.child.processId);
    for (const { line } of this.victims) {
      line.onBytes = () => {};
      line.mend();
    }
    await this.partition.untilGood(...this.aliases);
    const { isWithin, text } = stopwatch.stop(timeoutMs + retryIntervalMs + connectingMs);
    assert.ok(isWithin, `back after ${text}`);
  }

  /** Nothing wrong was seen, nothing is left: not in the partition, not at the server, at which so many are connected. */
  async end(connected = this.victims.length + 1): Promise<void> {
    await this.partition.until(
      `the server has ${connected} sessions and channels`,
      () => this.#server.sessions === connected && this.#server.channels === connected,
    );
    await this.partition.end();
    assert.equal(this.#server.sessions, 0, "sessions left at the server");
    assert.equal(this.#server.channels, 0, "channels left at the server");
  }
}

function aliasOf(index: number): string {
  return `victim ${index}`;
}

/** One server for all cases of a test file, ended with the file. `quickest`: the extent of its quickest case; no case, no server. */
export function linesOfFile(quickest: Extent): () => OpcUaLines {
  const endings: (() => unknown)[] = [];
  let lines: OpcUaLines | undefined;
  if (isTried(quickest)) {
    let started: Promise<OpcUaLines> | undefined;
    before(async () => {
      started = OpcUaLines.start({ after: (ending) => void endings.push(ending) });
      lines = await started;
    });
    after(async () => {
      await started; // where a pattern leaves no case, nobody has waited for it
      for (const ending of endings.toReversed()) await ending();
    });
  }
  return () => {
    assert.ok(lines, "the server is there when a case begins");
    return lines;
  };
}
