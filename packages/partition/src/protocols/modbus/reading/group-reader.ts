// The points of one group: which unit ids have them, and how they are read poll by poll. What it has learned of the device outlives a
// connection.

import { hostInUrl } from "../../../certificates/host-name.ts";
import type { ModbusPoint, ModbusServer } from "../../../configuration/configuration.ts";
import type { Log } from "@cpc-partition/process/log";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ServerError } from "../../../sources/server-error.ts";
import type { Requester } from "../connection/exchange.ts";
import type { ModbusConnection } from "../connection/modbus-connection.ts";
import { DeviceReport } from "./device-report.ts";
import { readUnits } from "./poll-round.ts";
import { planReads, type Table } from "./read-plan.ts";
import { TableReader } from "./table-reader.ts";
import { UnitReader } from "./unit-reader.ts";

export class GroupReader {
  readonly #server: ModbusServer;
  readonly #clock: () => number;
  readonly #units: readonly UnitReader[];
  readonly #unreadable: readonly number[];
  readonly #report: DeviceReport;
  /** For whom the last poll has brought values. */
  #valuesOf: Requester | undefined;
  /** The device that the units have asked, as it is known since its last failure. */
  #device: object | undefined;

  /** `points` in the order of the sink's indexes. `clock` is monotonic, in milliseconds. */
  constructor(server: ModbusServer, points: readonly ModbusPoint[], clock: () => number, log: Log) {
    this.#server = server;
    this.#clock = clock;
    const plan = planReads(points, server);
    this.#units = makeUnits(plan.tables, server);
    this.#unreadable = plan.unreadable;
    this.#report = new DeviceReport(server, this.#units, log);
  }

  /** Fewest addresses to which the device's refusals have cut the requests of a table; undefined: it refuses no length. */
  get requestLimit(): number | undefined {
    const limits = this.#units.flatMap((unit) => unit.tables).map(({ learnedLimit = Infinity }) => learnedLimit);
    const limit = Math.min(...limits);
    return limit === Infinity ? undefined : limit;
  }

  /** Reads every point once. The requester is another one in each session: values of an earlier one count for nothing. */
  async poll(connection: ModbusConnection, requester: Requester, sink: PointSink, signal: AbortSignal): Promise<void> {
    const stop = (): void => connection.cancel(requester);
    signal.addEventListener("abort", stop, { once: true });
    const startMs = this.#clock();
    try {
      // A poll may have nothing to ask, and must notice a loss all the same.
      if (!connection.isOpen) await connection.resume(requester, signal);
      if (connection.device !== this.#device) {
        this.#device = connection.device;
        for (const unit of this.#units) unit.forget();
      }
      await this.#readUnits(connection, requester, sink, signal);
    } catch (error) {
      for (const unit of this.#units) unit.clearDemotion(startMs);
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    for (const index of this.#unreadable) sink.setStatus(index, StatusCode.BadOutOfRange);
    this.#valuesOf = requester;
    this.#report.tell();
    if (connection.reopenings > 0) this.#report.tellOfReopening();
  }

  /** Goes on while nobody has answered on this connection, until the connection has been given up: the device may be getting ready. */
  async #readUnits(connection: ModbusConnection, requester: Requester, sink: PointSink, signal: AbortSignal) {
    const hasValues = this.#valuesOf === requester;
    for (;;) {
      const startMs = this.#clock();
      const didAnswer = await readUnits(this.#units, {
        exchange: (unitId, range, consume) => {
          if (signal.aborted) throw errorOf(this.#server, "Stopped", "the client was stopped");
          return connection.request(requester, unitId, range, consume);
        },
        sink,
        clock: this.#clock,
        hasValues,
      });
      if (didAnswer) return;
      if (!connection.isUnanswered) {
        throw errorOf(this.#server, "Timeout", `no unit id answered within ${this.#server.timeoutMs} ms`);
      }
      for (const unit of this.#units) unit.clearDemotion(startMs);
    }
  }
}

/** Somebody who asks this server, as its configuration says. */
export function requesterOf(server: ModbusServer): Requester {
  const { alias, timeoutMs, pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest } = server;
  return { server: alias, timeoutMs, pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest };
}

export function errorOf({ alias, host, port }: ModbusServer, code: ServerError["code"], because: string): ServerError {
  return new ServerError(code, alias, `cannot read from ${hostInUrl(host)}:${port} because ${because}`);
}

function makeUnits(tables: readonly Table[], server: ModbusServer): readonly UnitReader[] {
  const tablesByUnit = Map.groupBy(tables, (table) => table.unitId);
  return Array.from(tablesByUnit, ([unitId, own]) => {
    const readers = own.map((table) => new TableReader(table, server.maxGap, server.retryIntervalMs));
    return new UnitReader(unitId, readers, server.retryIntervalMs);
  });
}
