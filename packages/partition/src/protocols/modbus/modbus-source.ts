// One Modbus TCP server of the configuration as a source: its points, and sessions on the connection that it shares with the other servers
// of the same host and port.
//
// A session promises: a value in the sink is the device's answer for that point's own unit id, function and address; what the device
// says about a point, good or bad, is data; only a connection that can no longer be relied on rejects. Nothing is ever written
// to a device.

import { filesVersion } from "../../certificates/files-version.ts";
import { modbusConnection } from "./configuration/connection-entry.ts";
import type { ModbusDevice, ModbusPoint, ModbusServer } from "./configuration/modbus-server.ts";
import type { Log } from "@cpc-partition/process/log";
import type { ConnectionEntry, PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { DecidingFiles } from "../../sources/deciding-files.ts";
import type { ServerDemand } from "../../sources/divide-servers.ts";
import { groupsByInterval } from "../../sources/rate-groups.ts";
import { pollGroups, type Group, type Session, type SessionReports, type Source } from "../../sources/source.ts";
import type { SourceFacts } from "../../sources/source.ts";
import type { CertainAnswer, Consume, Requester } from "./connection/exchange.ts";
import type { LineSettings, ModbusConnection } from "./connection/modbus-connection.ts";
import type { ModbusConnections } from "./connection/modbus-connections.ts";
import { mbap } from "./framing/mbap.ts";
import { rtu } from "./framing/rtu.ts";
import type { ReadRange } from "./pdu.ts";
import { textCapacityBytes } from "./decoding/register-decoding.ts";
import { errorOf, GroupReader, requesterOf } from "./reading/group-reader.ts";
import { demandOf } from "./reading/time-budget.ts";
import { sourceOf } from "./reading/point-source.ts";

export class ModbusSource implements Source {
  readonly alias: string;
  readonly connection: ConnectionEntry;
  readonly points: readonly PointDescription[];
  readonly groups: readonly Group[];
  readonly isInsecure = undefined;
  readonly demand: ServerDemand;
  readonly retryIntervalMs: number;
  readonly #server: ModbusDevice;
  readonly #connections: ModbusConnections;
  readonly #readers: readonly GroupReader[];
  readonly #files: DecidingFiles;
  /** The one that was opened last. */
  #opened: ModbusConnection | undefined;
  #facts: SourceFacts = {};

  /** `clock` is monotonic, in milliseconds. */
  constructor(
    { points: configured, ...server }: ModbusServer,
    connections: ModbusConnections,
    clock: () => number,
    log: Log,
  ) {
    this.alias = server.alias;
    this.connection = modbusConnection(server.alias);
    this.points = configured.map(describe);
    this.groups = groupsByInterval(configured, server.intervalMs);
    this.retryIntervalMs = server.retryIntervalMs;
    this.#server = server;
    this.#connections = connections;
    this.#readers = readersOf(server, configured, this.groups, clock, log);
    this.#files = decidingFilesOf(server);
    this.demand = demandOf(
      server,
      this.#readers.map(({ requests, intervalMs = Infinity }, group) => ({
        requests,
        intervalMs,
        points: this.groups[group]?.points.length ?? 0,
      })),
    );
  }

  get facts(): SourceFacts {
    let requestLimit: number | undefined;
    for (const reader of this.#readers) {
      const limit = reader.requestLimit;
      if (limit !== undefined) requestLimit = Math.min(limit, requestLimit ?? Infinity);
    }
    const certificateEndsMs = this.#opened?.certificateEnds.deviceMs;
    const ownCertificateEndsMs = this.#opened?.certificateEnds.ownMs;
    const known = this.#facts;
    if (
      known.requestLimit !== requestLimit ||
      known.certificateEndsMs !== certificateEndsMs ||
      known.ownCertificateEndsMs !== ownCertificateEndsMs
    ) {
      this.#facts = { certificateEndsMs, ownCertificateEndsMs, requestLimit };
    }
    return this.#facts;
  }

  async connect(signal: AbortSignal): Promise<ModbusSession> {
    const server = this.#server;
    this.#files.use();
    return await this.#files.decide(async () => {
      if (signal.aborted) throw errorOf(server, "Stopped", "the client was stopped");
      const connection = this.#connections.acquire(server.host, server.port, server.tls, lineOf(server));
      try {
        await connection.open(requesterOf(server), signal);
      } catch (error) {
        this.#connections.release(connection);
        throw error;
      }
      this.#opened = connection;
      return new ModbusSession(server, connection, this.#readers, this.#files, () =>
        this.#connections.release(connection),
      );
    });
  }
}

function describe(point: ModbusPoint): PointDescription {
  const { key, description, unit, type } = point;
  return { key, description, unit, source: sourceOf(point), type, capacityBytes: textCapacityBytes(point) };
}

/** The points as they are configured are not needed any more afterwards, and nothing here holds them. */
function readersOf(
  server: ModbusDevice,
  configured: readonly ModbusPoint[],
  groups: readonly Group[],
  clock: () => number,
  log: Log,
): readonly GroupReader[] {
  const readers: GroupReader[] = [];
  for (const { points, intervalMs } of groups) {
    const own = points.flatMap((place) => configured[place] ?? []);
    readers.push(new GroupReader({ server, points: own, intervalMs, ofServer: readers }, clock, log));
  }
  return readers;
}

function decidingFilesOf({ tls }: ModbusDevice): DecidingFiles {
  const files = [tls?.caFile, tls?.clientCertificateFile, tls?.clientPrivateKeyFile];
  return new DecidingFiles(() => filesVersion(files));
}

function lineOf({ maxInFlight = 1, framing, tolerates = [] }: ModbusDevice): LineSettings {
  return { framing: framing === "rtu" ? rtu : mbap, windowSize: maxInFlight, tolerates };
}

export class ModbusSession implements Session {
  readonly #server: ModbusDevice;
  readonly #connection: ModbusConnection;
  readonly #groups: readonly { readonly reader: GroupReader; readonly requester: Requester }[];
  readonly #files: DecidingFiles;
  readonly #release: () => void;
  /** Of requests outside the polls. */
  readonly #requester: Requester;
  #isClosed = false;

  constructor(
    server: ModbusDevice,
    connection: ModbusConnection,
    readers: readonly GroupReader[],
    files: DecidingFiles,
    release: () => void,
  ) {
    this.#server = server;
    this.#connection = connection;
    this.#groups = readers.map((reader) => ({ reader, requester: requesterOf(server, reader.intervalMs) }));
    this.#files = files;
    this.#release = release;
    this.#requester = requesterOf(server);
  }

  async run(reports: SessionReports, signal: AbortSignal): Promise<void> {
    await this.#files.decide(() =>
      pollGroups(reports, signal, (group, sink, pollSignal) => this.#poll(group, sink, pollSignal)),
    );
  }

  /** Reads every point of a group once. */
  async poll(group: number, sink: PointSink, signal: AbortSignal): Promise<void> {
    await this.#files.decide(() => this.#poll(group, sink, signal));
  }

  #poll(group: number, sink: PointSink, signal: AbortSignal): Promise<void> {
    this.#assertOpen();
    const own = this.#groups[group];
    if (own === undefined) throw new RangeError(`the server ${this.#server.alias} has no group ${group}`);
    return own.reader.poll(this.#connection, own.requester, sink, signal);
  }

  /** One request outside the polls; `ModbusConnection.request`. */
  async request(unitId: number, range: ReadRange, consume: Consume): Promise<CertainAnswer> {
    this.#assertOpen();
    return await this.#connection.request(this.#requester, unitId, range, consume);
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      for (const requester of [...this.#groups.map((group) => group.requester), this.#requester]) {
        this.#connection.cancel(requester);
      }
      this.#release();
    }
    return Promise.resolve();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw errorOf(this.#server, "ConnectionFailed", "it is not connected");
  }
}
