// The points of one group: which unit ids have them, and how they are read poll by poll. What it has learned of the device outlives a
// connection.

import { hostInUrl } from "../../../certificates/host-name.ts";
import type { ModbusPoint, ModbusDevice } from "../configuration/modbus-server.ts";
import type { Log } from "@cpc-partition/process/log";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ServerError } from "../../../sources/server-error.ts";
import type { Exchange, Requester } from "../connection/exchange.ts";
import type { ModbusConnection } from "../connection/modbus-connection.ts";
import { DeviceReport } from "./device-report.ts";
import { PollRounds, type Round } from "./poll-round.ts";
import { planReads, type Table } from "./read-plan.ts";
import { TableReader } from "./table-reader.ts";
import { UnitReader } from "./unit-reader.ts";

/** A group of the points of a server. */
interface ReadGroup {
  readonly server: ModbusDevice;
  /** In the order of the sink's indexes. */
  readonly points: readonly ModbusPoint[];
  readonly intervalMs: number | undefined;
  /** The readers of all groups of the server. */
  readonly ofServer: readonly GroupReader[];
}

/** What the polls of a session have in common. */
interface SessionPolls {
  readonly connection: ModbusConnection;
  readonly requester: Requester;
  readonly signal: AbortSignal;
  readonly stop: () => void;
  readonly round: Round;
}

export class GroupReader {
  /** From one poll to the next; undefined: the service's. */
  readonly intervalMs: number | undefined;
  /** Of a poll, as long as the device refuses none. */
  readonly requests: number;
  readonly #server: ModbusDevice;
  readonly #ofServer: readonly GroupReader[];
  readonly #clock: () => number;
  readonly #units: readonly UnitReader[];
  readonly #rounds: PollRounds;
  readonly #unreadable: readonly number[];
  readonly #report: DeviceReport;
  /** Of the last poll. */
  #session: SessionPolls | undefined;
  /** For whom the last poll has brought values. */
  #valuesOf: Requester | undefined;
  /** The device that the units have asked, as it is known since its last failure. */
  #device: object | undefined;
  #answeredMs = -Infinity;

  /** `clock` is monotonic, in milliseconds. */
  constructor({ server, points, intervalMs, ofServer }: ReadGroup, clock: () => number, log: Log) {
    this.intervalMs = intervalMs;
    this.#server = server;
    this.#ofServer = ofServer;
    this.#clock = clock;
    const plan = planReads(points, server);
    this.requests = plan.tables.reduce((sum, table) => sum + table.requests.length, 0);
    this.#units = makeUnits(plan.tables, server);
    this.#rounds = new PollRounds(this.#units, {
      width: server.maxInFlight ?? 1,
      isServerAlive: () => this.#ofServer.some((group) => group !== this && group.#isAnswered()),
    });
    this.#unreadable = plan.unreadable;
    const keys = points.map(({ key }) => key);
    this.#report = new DeviceReport(server, keys, this.#units, log);
  }

  /** Fewest addresses to which the device's refusals have cut the requests of a table; undefined: it refuses no length. */
  get requestLimit(): number | undefined {
    let limit = Infinity;
    for (const { tables } of this.#units) {
      for (const { requestLimit = Infinity } of tables) limit = Math.min(limit, requestLimit);
    }
    return limit === Infinity ? undefined : limit;
  }

  /** Reads every point once. The requester is another one in each session: values of an earlier one count for nothing. */
  async poll(connection: ModbusConnection, requester: Requester, sink: PointSink, signal: AbortSignal): Promise<void> {
    const { round } = this.#sessionOf(connection, requester, sink, signal);
    const startMs = this.#clock();
    try {
      // A poll may have nothing to ask, and must notice a loss all the same.
      if (!connection.isOpen) await connection.resume(requester, signal);
      connection.beginPoll(requester);
      if (connection.device !== this.#device) {
        this.#device = connection.device;
        for (const unit of this.#units) unit.forget();
      }
      round.hasValues = this.#valuesOf === requester;
      // Goes on while nobody has answered on this connection, until the connection has been given up: the device may be getting ready.
      for (let roundMs = startMs; !(await this.#rounds.run(round)); roundMs = this.#clock()) {
        if (!connection.isUnanswered) {
          throw errorOf(this.#server, "Timeout", `no unit id answered within ${this.#server.timeoutMs} ms`);
        }
        this.#clearDemotions(roundMs);
      }
    } catch (error) {
      this.#clearDemotions(startMs);
      throw error;
    }
    for (const index of this.#unreadable) sink.setStatus(index, StatusCode.BadOutOfRange);
    this.#valuesOf = requester;
    this.#report.tell();
    if (connection.reopenings > 0) this.#report.tellOfReopening();
    if (connection.crowdedOut > 0) this.#report.tellOfCrowding();
  }

  #clearDemotions(sinceMs: number): void {
    for (const unit of this.#units) unit.clearDemotion(sinceMs);
  }

  /** The signal is listened to once for all polls that come with it. */
  #sessionOf(connection: ModbusConnection, requester: Requester, sink: PointSink, signal: AbortSignal): SessionPolls {
    const last = this.#session;
    if (
      last?.requester === requester &&
      last.connection === connection &&
      last.signal === signal &&
      last.round.sink === sink
    ) {
      return last;
    }
    last?.signal.removeEventListener("abort", last.stop);
    const stop = (): void => connection.cancel(requester);
    signal.addEventListener("abort", stop, { once: true });
    const exchange = this.#exchangeOn(connection, requester, signal);
    const round = { exchange, sink, clock: this.#clock, hasValues: false };
    return (this.#session = { connection, requester, signal, stop, round });
  }

  /** The device has answered the last poll, as far as there was time for one. */
  #isAnswered(): boolean {
    const { timeoutMs } = this.#server;
    return this.#clock() - this.#answeredMs <= (this.intervalMs ?? 0) + timeoutMs;
  }

  #exchangeOn(connection: ModbusConnection, requester: Requester, signal: AbortSignal): Exchange {
    return {
      request: (unitId, range, consume, isNeedless) => {
        if (signal.aborted) throw errorOf(this.#server, "Stopped", "the client was stopped");
        return connection.request(requester, unitId, range, consume, isNeedless);
      },
      answered: ({ kind }) => {
        if (kind === "data" || kind === "exception") this.#answeredMs = this.#clock();
      },
    };
  }
}

/** Somebody who asks this server, as its configuration says. `intervalMs`: of polls; without it for requests outside them. */
export function requesterOf(server: ModbusDevice, intervalMs?: number): Requester {
  const { alias, timeoutMs, pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest } = server;
  return { server: alias, timeoutMs, intervalMs, pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest };
}

export function errorOf({ alias, host, port }: ModbusDevice, code: ServerError["code"], because: string): ServerError {
  return new ServerError(code, alias, `cannot read from ${hostInUrl(host)}:${port} because ${because}`);
}

function makeUnits(tables: readonly Table[], server: ModbusDevice): readonly UnitReader[] {
  const { maxInFlight = 1, maxGap, retryIntervalMs } = server;
  const tablesByUnit = Map.groupBy(tables, (table) => table.unitId);
  return Array.from(tablesByUnit, ([unitId, own]) => {
    const readers = own.map((table) => new TableReader(table, maxGap, retryIntervalMs, maxInFlight));
    return new UnitReader(unitId, readers, retryIntervalMs, maxInFlight);
  });
}
