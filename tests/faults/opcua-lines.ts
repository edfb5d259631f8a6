// An OPC UA server of born values in this process, and a partition that reads it over many lines at once: each *victim* has a
// line of its own to suffer on, the *neighbour* has a straight one.
//
// At the end of a scene the server must have no session and no channel left. It forgets a session that nobody uses after two
// seconds: one whose connection broke cannot be closed by anybody, and a minute would be too long to wait for.

import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CreateSessionRequest } from "node-opcua-client";
import { certificateIn, temporaryFolder, type CertificateFiles } from "../opcua-client/opcua-test-server.ts";
import type { ServerHealth } from "../../src/commands/health.ts";
import type { Lifetime } from "./born-modbus.ts";
import { bornOpcUaXml, startBornOpcUa, type BornOpcUaServer, type RunningOpcUaServer } from "./born-opcua.ts";
import { Patient } from "./patient.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import type { WitnessRules } from "./witness.ts";

export const timeoutMs = 1000;
export const retryIntervalMs = 300;
export const intervalMs = 100;
export const settings = `<timeout>${timeoutMs / 1000}</timeout><retryInterval>${retryIntervalMs / 1000}</retryInterval>`;
const pointsPerVictim = 2;
const mostVictims = 16;
const neighbourPlace = 500;
const unusedSessionMs = 2000;
/** For connecting, on a machine that does something else as well. */
const connectingMs = 3000;

export interface VictimOptions {
  /** SignAndEncrypt, with the server's certificate pinned. */
  readonly isSecure?: boolean;
  readonly settings?: string;
  /** Something else than the line to the server of born values. */
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
        if (request instanceof CreateSessionRequest) request.requestedSessionTimeout = unusedSessionMs;
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
    });
    return new OpcUaLines(running, certificate);
  }

  get sessions(): number {
    return this.#running.server.engine.currentSessionCount;
  }

  get channels(): number {
    return this.#running.server.currentChannelCount;
  }

  /** A partition with these victims, all of them good, and its neighbour. */
  async scene(t: TestContext, victims: readonly VictimOptions[], rules: Partial<WitnessRules> = {}): Promise<Scene> {
    assert.ok(victims.length <= mostVictims);
    const lines = await Promise.all(victims.map(() => TcpProxy.start(this.#running.port)));
    t.after(() => Promise.all(lines.map((line) => line.close())));
    const servers = victims.map((victim, index) => this.#configured(victim, index, lines[index]?.port ?? 0));
    const neighbour = {
      alias: "neighbour",
      port: this.#running.port,
      firstPlace: neighbourPlace,
      points: pointsPerVictim,
      settings,
    };
    const patient = new Patient(t, {
      opcua: bornOpcUaXml(...servers, neighbour),
      interval: intervalMs / 1000,
      rules: { bystanders: ["neighbour"], ...rules },
    });
    const named = lines.map((line, index) => ({ alias: aliasOf(index), line }));
    return new Scene(this, patient, named);
  }

  #configured(victim: VictimOptions, index: number, port: number): BornOpcUaServer {
    const pinned = `<server_certificate>${this.#certificate.certificateFile}</server_certificate>`;
    return {
      alias: aliasOf(index),
      port: victim.port ?? port,
      firstPlace: pointsPerVictim * index,
      points: pointsPerVictim,
      settings: victim.settings ?? settings,
      ...(victim.isSecure === true ? { policy: "Basic256Sha256", security: pinned } : {}),
    };
  }
}

export class Scene {
  readonly patient: Patient;
  readonly victims: readonly Victim[];
  readonly #server: OpcUaLines;

  constructor(server: OpcUaLines, patient: Patient, victims: readonly Victim[]) {
    this.#server = server;
    this.patient = patient;
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
    const health = this.patient.witness.server(alias);
    assert.ok(health, `${alias} is in the image`);
    return health;
  }

  async allGood(): Promise<void> {
    await this.patient.untilGood("neighbour", ...this.aliases);
    this.patient.healthy();
  }

  /** Mends every line; then values come by themselves, and not later than is said: the wait that is under way, the pause, connecting. */
  async recovers(): Promise<void> {
    const mendedMs = performance.now();
    for (const { line } of this.victims) line.mend();
    await this.patient.untilGood(...this.aliases);
    const tookMs = Math.round(performance.now() - mendedMs);
    assert.ok(tookMs < timeoutMs + retryIntervalMs + connectingMs, `back after ${tookMs} ms`);
  }

  /** Nothing wrong was seen, nothing is left: not in the partition, not at the server. */
  async end(): Promise<void> {
    const connected = this.victims.length + 1;
    await this.patient.until(
      `the server has ${connected} sessions, not ${this.#server.sessions}`,
      () => this.#server.sessions === connected && this.#server.channels === connected,
    );
    await this.patient.end();
    assert.equal(this.#server.sessions, 0, "sessions left at the server");
    assert.equal(this.#server.channels, 0, "channels left at the server");
  }
}

function aliasOf(index: number): string {
  return `victim ${index}`;
}
