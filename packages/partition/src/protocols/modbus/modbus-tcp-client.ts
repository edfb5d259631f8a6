// One Modbus TCP server of the configuration: connects, reads its points poll by poll, and offers the four reading functions.
//
// It promises: a value in the sink is the device's answer for that point's own unit id, function and address; what the device
// says about a point, good or bad, is data; only a connection that can no longer be relied on rejects. Nothing is ever written
// to a device. It does not schedule itself: whoever owns it calls `connect`, `poll` and `disconnect`.

import { setTimeout as delay } from "node:timers/promises";

import { filesVersion } from "../../certificates/files-version.ts";
import { hostInUrl } from "../../certificates/host-name.ts";
import type { ModbusServer, ReadFunction } from "../../configuration/configuration.ts";
import type { Log } from "@cpc-partition/process/log";
import { modbusConnection } from "../../configuration/connection-entry.ts";
import type { PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { ServerClient } from "../../sources/server-client.ts";
import { ServerError } from "../../sources/server-error.ts";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { DeviceReport } from "./reading/device-report.ts";
import type { Consume, Requester } from "./connection/exchange.ts";
import type { ModbusConnection } from "./connection/modbus-connection.ts";
import type { ModbusConnections } from "./connection/modbus-connections.ts";
import { readUnits } from "./reading/poll-round.ts";
import { sourceOf } from "./reading/point-source.ts";
import { planReads, type Table } from "./reading/read-plan.ts";
import { textCapacityBytes } from "./decoding/register-decoding.ts";
import { TableReader } from "./reading/table-reader.ts";
import { UnitReader } from "./reading/unit-reader.ts";

/** The answer to one reading function: the values from the first address on, or the device's exception. */
export type ReadAnswer<T> =
  | { readonly kind: "data"; readonly values: readonly T[] }
  /** MODBUS Application Protocol V1.1b3, 7; 0 to 255. */
  | { readonly kind: "exception"; readonly code: number };

/** Unit id of the four reading functions when the configuration names none. */
const DEFAULT_UNIT_ID = 1;

/**
 * A certificate does not become right within seconds. And a plain device that does not look at the protocol id takes the bytes of
 * a TLS handshake for requests: it must not get many of them.
 */
const LEAST_RETRY_AFTER_REFUSAL_MS = 60_000;

export class ModbusTcpClient implements ServerClient {
  readonly alias: string;
  readonly connection: { readonly key: string; readonly description: string };
  readonly points: readonly PointDescription[];
  readonly intervalMs: number | undefined;
  readonly #server: ModbusServer;
  readonly #connections: ModbusConnections;
  readonly #clock: () => number;
  readonly #requester: Requester;
  readonly #units: readonly UnitReader[];
  readonly #report: DeviceReport;
  readonly #unreadable: readonly number[];
  #held: ModbusConnection | undefined;
  #certificateEndsMs: number | undefined;
  #ownCertificateEndsMs: number | undefined;
  #wasRefused = false;
  /** Version of the files that the last attempt used. */
  #usedVersion = "";
  /** A poll since `connect` has brought values. */
  #hasValues = false;
  /** The device that the units have asked, as it is known since its last failure. */
  #device: object | undefined;

  /** `clock` is monotonic, in milliseconds. */
  constructor(
    server: ModbusServer,
    connections: ModbusConnections,
    clock: () => number = () => performance.now(),
    log: Log = () => {},
  ) {
    const { alias, timeoutMs, pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest } = server;
    this.alias = alias;
    this.connection = modbusConnection(alias);
    this.points = server.points.map((point) => ({
      key: point.key,
      description: point.description,
      unit: point.unit,
      source: sourceOf(point),
      type: point.type,
      capacityBytes: textCapacityBytes(point),
    }));
    this.intervalMs = server.intervalMs;
    this.#server = server;
    this.#connections = connections;
    this.#clock = clock;
    this.#requester = { server: alias, timeoutMs, pauseBetweenRequestsMs, pauseAfterConnectMs, connectsPerRequest };
    const plan = planReads(server.points, server);
    this.#units = makeUnits(plan.tables, server);
    this.#report = new DeviceReport(server, this.#units, log);
    this.#unreadable = plan.unreadable;
  }

  /** A device that refused us, or was refused, is tried again slowly. */
  get retryIntervalMs(): number {
    const { retryIntervalMs } = this.#server;
    return this.#wasRefused ? Math.max(retryIntervalMs, LEAST_RETRY_AFTER_REFUSAL_MS) : retryIntervalMs;
  }

  /** Fewest addresses to which the device's refusals have cut the requests of a table; undefined: it refuses no length. */
  get requestLimit(): number | undefined {
    const limits = this.#units.flatMap((unit) => unit.tables).map(({ learnedLimit = Infinity }) => learnedLimit);
    const limit = Math.min(...limits);
    return limit === Infinity ? undefined : limit;
  }

  get isWorthRetrying(): boolean {
    return this.#wasRefused && this.#usedVersion !== this.#filesVersion();
  }

  #filesVersion(): string {
    const { tls } = this.#server;
    return filesVersion([tls?.caFile, tls?.clientCertificateFile, tls?.clientPrivateKeyFile]);
  }

  get certificateEndsMs(): number | undefined {
    return this.#certificateEndsMs;
  }

  get ownCertificateEndsMs(): number | undefined {
    return this.#ownCertificateEndsMs;
  }

  async connect(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.disconnect();
    this.#usedVersion = this.#filesVersion();
    await this.#noticeRefusal(() => this.#connect(signal));
  }

  async #connect(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw this.#error("Stopped", "the client was stopped");
    const connection = this.#connections.acquire(this.#server.host, this.#server.port, this.#server.tls);
    this.#held = connection;
    try {
      await this.#unlessAborted(connection.open(this.#requester), signal);
      this.#noteCertificates(connection);
    } catch (error) {
      if (this.#held === connection) await this.disconnect();
      throw error;
    }
  }

  #noteCertificates({ certificateEnds: { deviceMs, ownMs } }: ModbusConnection): void {
    this.#certificateEndsMs = deviceMs;
    this.#ownCertificateEndsMs = ownMs;
  }

  async poll(sink: PointSink, signal: AbortSignal): Promise<void> {
    await this.#noticeRefusal(() => this.#poll(sink, signal));
  }

  async #noticeRefusal(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#wasRefused = error instanceof ServerError && error.code === "SecurityRefused";
      throw error;
    }
  }

  async #poll(sink: PointSink, signal: AbortSignal): Promise<void> {
    const connection = this.#connected();
    const stop = (): void => connection.cancel(this.#requester);
    signal.addEventListener("abort", stop, { once: true });
    const startMs = this.#clock();
    try {
      // A poll may have nothing to ask, and must notice a loss all the same.
      if (!connection.isOpen) {
        await this.#unlessAborted(connection.resume(this.#requester), signal);
        this.#noteCertificates(connection);
      }
      if (connection.device !== this.#device) {
        this.#device = connection.device;
        for (const unit of this.#units) unit.forget();
      }
      await this.#readUnits(connection, sink, signal);
    } catch (error) {
      for (const unit of this.#units) unit.acquit(startMs);
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    for (const index of this.#unreadable) sink.setStatus(index, StatusCode.BadOutOfRange);
    this.#hasValues = true;
    this.#report.tell();
    if (connection.reopenings > 0) this.#report.tellOfReopening();
  }

  /** Goes on while nobody has answered on this connection, until the connection has been given up: the device may be getting ready. */
  async #readUnits(connection: ModbusConnection, sink: PointSink, signal: AbortSignal): Promise<void> {
    for (;;) {
      const startMs = this.#clock();
      const didAnswer = await readUnits(this.#units, {
        exchange: (unitId, range, consume) => {
          if (signal.aborted) throw this.#error("Stopped", "the client was stopped");
          return connection.request(this.#requester, unitId, range, consume);
        },
        sink,
        clock: this.#clock,
        hasValues: this.#hasValues,
      });
      if (didAnswer) return;
      if (!connection.isUnanswered) {
        throw this.#error("Timeout", `no unit id answered within ${this.#server.timeoutMs} ms`);
      }
      for (const unit of this.#units) unit.acquit(startMs);
    }
  }

  disconnect(): Promise<void> {
    const connection = this.#held;
    this.#held = undefined;
    this.#hasValues = false;
    if (connection !== undefined) {
      connection.cancel(this.#requester);
      this.#connections.release(connection);
    }
    return Promise.resolve();
  }

  /** Connects anew, trying every `retryIntervalMs` until it succeeds. Rejects with a ServerError "Stopped" when the signal aborts. */
  async retryConnection(signal: AbortSignal = new AbortController().signal): Promise<void> {
    for (;;) {
      try {
        await this.connect(signal);
        return;
      } catch (error) {
        if (!(error instanceof ServerError) || error.code === "Stopped") throw error;
      }
      // An abort ends the pause, and `connect` then says so.
      await delay(this.retryIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** FC01, MODBUS Application Protocol V1.1b3, 6.1. 1 to 2000 coils. Rejects with a ServerError when there is no answer. */
  fc01ReadCoilStatus(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<boolean>> {
    return this.#readBits(1, address, quantity, unitId);
  }

  /** FC02, 6.2. 1 to 2000 discrete inputs. */
  fc02ReadDiscreteInputs(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<boolean>> {
    return this.#readBits(2, address, quantity, unitId);
  }

  /** FC03, 6.3. 1 to 125 registers, each 0 to 65535. */
  fc03ReadHoldingRegisters(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<number>> {
    return this.#readRegisters(3, address, quantity, unitId);
  }

  /** FC04, 6.4. 1 to 125 registers, each 0 to 65535. */
  fc04ReadInputRegisters(address: number, quantity: number, unitId?: number): Promise<ReadAnswer<number>> {
    return this.#readRegisters(4, address, quantity, unitId);
  }

  async #readBits(
    functionCode: 1 | 2,
    address: number,
    quantity: number,
    unitId: number | undefined,
  ): Promise<ReadAnswer<boolean>> {
    return this.#readOnce(functionCode, address, quantity, unitId, (bytes, dataOffset, distance) => {
      return ((bytes.getUint8(dataOffset + (distance >> 3)) >> (distance & 7)) & 1) === 1;
    });
  }

  async #readRegisters(
    functionCode: 3 | 4,
    address: number,
    quantity: number,
    unitId: number | undefined,
  ): Promise<ReadAnswer<number>> {
    return this.#readOnce(functionCode, address, quantity, unitId, (bytes, dataOffset, distance) => {
      return bytes.getUint16(dataOffset + 2 * distance);
    });
  }

  async #readOnce<T>(
    functionCode: ReadFunction,
    address: number,
    quantity: number,
    unitId: number | undefined,
    element: (bytes: DataView, dataOffset: number, distance: number) => T,
  ): Promise<ReadAnswer<T>> {
    let values: readonly T[] = [];
    const consume: Consume = (bytes, dataOffset) => {
      values = Array.from({ length: quantity }, (_, distance) => element(bytes, dataOffset, distance));
    };
    const unit = unitId ?? this.#server.points[0]?.unitId ?? DEFAULT_UNIT_ID;
    const answer = await this.#connected().request(this.#requester, unit, { functionCode, address, quantity }, consume);
    if (answer.kind === "timeout") {
      throw this.#error("Timeout", `unit id ${unit} did not answer within ${this.#server.timeoutMs} ms`);
    }
    return answer.kind === "data" ? { kind: "data", values } : answer;
  }

  #connected(): ModbusConnection {
    if (this.#held === undefined) throw this.#error("ConnectionFailed", "it is not connected");
    return this.#held;
  }

  #unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(this.#error("Stopped", "the client was stopped"));
      signal.addEventListener("abort", stop, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    });
  }

  #error(code: ServerError["code"], because: string): ServerError {
    const { host, port } = this.#server;
    return new ServerError(code, this.alias, `cannot read from ${hostInUrl(host)}:${port} because ${because}`);
  }
}

function makeUnits(tables: readonly Table[], server: ModbusServer): readonly UnitReader[] {
  const tablesByUnit = Map.groupBy(tables, (table) => table.unitId);
  return Array.from(tablesByUnit, ([unitId, own]) => {
    const readers = own.map((table) => new TableReader(table, server.maxGap, server.retryIntervalMs));
    return new UnitReader(unitId, readers, server.retryIntervalMs);
  });
}
