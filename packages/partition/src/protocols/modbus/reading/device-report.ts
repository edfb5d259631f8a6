// Tells the log what a device refuses or lacks: each point, unit id and limit once, many of them in one record.

import type { ModbusDevice, ReadFunction } from "../configuration/modbus-server.ts";
import { addressOfManualNumber, modbusTables } from "../configuration/modbus-tables.ts";
import type { Log } from "@cpc-partition/process/log";
import { exceptionText } from "../exception-status.ts";
import type { Refusal } from "./refusals.ts";
import type { TableReader } from "./table-reader.ts";
import type { UnitReader } from "./unit-reader.ts";

const MOST_RANGES = 8;
const MOST_KEYS = 10;

/** The refused points of one table and exception. */
interface Group {
  readonly table: TableReader["table"];
  readonly code: number;
  readonly refusals: readonly Refusal[];
}

export class DeviceReport {
  readonly #server: ModbusDevice;
  readonly #keys: readonly string[];
  readonly #units: readonly UnitReader[];
  readonly #tables: readonly TableReader[];
  readonly #log: Log;
  readonly #loggedPoints = new Set<number>();
  readonly #loggedLimits = new Map<TableReader, number>();
  readonly #loggedExcuses = new Map<TableReader, Set<number>>();
  readonly #loggedUnits = new Set<number>();
  #isReopeningTold = false;
  #isCrowdingTold = false;

  /** `keys`: of the points, by the indexes that the units know them by. */
  constructor(server: ModbusDevice, keys: readonly string[], units: readonly UnitReader[], log: Log) {
    this.#server = server;
    this.#keys = keys;
    this.#units = units;
    this.#tables = units.flatMap((unit) => unit.tables);
    this.#log = log;
  }

  /** After each poll. */
  tell(): void {
    this.#tellOfPoints();
    for (const table of this.#tables) {
      this.#tellOfLimit(table);
      for (const code of table.lastingExcuses) this.#tellOfExcuse(table, code);
    }
    for (const unit of this.#units) this.#tellOfUnit(unit);
  }

  /** The device closes the connection between requests. */
  tellOfReopening(): void {
    if (this.#isReopeningTold) return;
    this.#isReopeningTold = true;
    this.#say(
      "info",
      "the device closes the connection between two requests; it is opened again each time, without a loss. " +
        "If the device answers one request per connection, set <connection>perRequest</connection>",
    );
  }

  /** The device has lost requests while it answered others. */
  tellOfCrowding(): void {
    if (this.#isCrowdingTold) return;
    this.#isCrowdingTold = true;
    const { maxInFlight } = this.#server;
    this.#say(
      "warn",
      `the device lost a request while ${maxInFlight} at a time were outstanding: it gets one at a time for a while. ` +
        `Reduce <maxInFlight> until this message stays away`,
    );
  }

  /** Waits until no refusal is in doubt, so that there is one record of all. */
  #tellOfPoints(): void {
    const tables = this.#tables;
    if (tables.every(({ refusedPoints }) => refusedPoints.length === 0)) return;
    if (tables.some(({ isSettled }) => !isSettled)) return;
    const groups = tables.flatMap(({ table, refusedPoints }) => {
      const news = refusedPoints.filter(({ request }) => request.points.some((point) => this.#isNews(point.index)));
      return Array.from(
        Map.groupBy(news, ({ code }) => code),
        ([code, refusals]): Group => ({ table, code, refusals }),
      );
    });
    const indices = groups.flatMap(({ refusals }) =>
      refusals.flatMap(({ request }) => request.points.map(({ index }) => index)),
    );
    if (indices.length === 0) return;
    for (const index of indices) this.#loggedPoints.add(index);
    const keys = indices.slice(0, MOST_KEYS).map((index) => this.#keys[index]);
    this.#say("warn", refusalText(groups), { points: indices.length, keys });
  }

  #isNews(index: number): boolean {
    return !this.#loggedPoints.has(index);
  }

  #tellOfLimit(reader: TableReader): void {
    const { requestLimit, table } = reader;
    if (requestLimit === undefined || requestLimit >= (this.#loggedLimits.get(reader) ?? Infinity)) return;
    this.#loggedLimits.set(reader, requestLimit);
    const { many } = modbusTables[table.functionCode];
    const remedy = table.functionCode >= 3 ? `; <maxRegistersPerRequest> ${requestLimit} saves it the search` : "";
    const how = reader.isSilentOnLong ? "does not answer" : "refuses";
    this.#say(
      "warn",
      `the device ${how} long requests: request limit of ${requestLimit} ${many} of unit ${table.unitId} at once. ` +
        `A longer request is tried again now and then${remedy}`,
    );
  }

  #tellOfExcuse(reader: TableReader, code: number): void {
    const logged = this.#loggedExcuses.get(reader) ?? new Set();
    if (logged.has(code)) return;
    this.#loggedExcuses.set(reader, logged.add(code));
    const { functionCode, unitId } = reader.table;
    const { many } = modbusTables[functionCode];
    const remedy =
      "it is asked again with every poll. Look at the device's own diagnosis; <pauseBetweenRequests> spares it";
    this.#say("warn", `the device has no values for ${many} of unit ${unitId}: ${exceptionText(code)}; ${remedy}`);
  }

  #tellOfUnit({ unitId, absence }: UnitReader): void {
    if (absence === undefined) this.#loggedUnits.delete(unitId);
    if (absence === undefined || this.#loggedUnits.has(unitId)) return;
    this.#loggedUnits.add(unitId);
    const { timeoutMs, retryIntervalMs } = this.#server;
    const why =
      absence.kind === "exception"
        ? `the gateway cannot reach unit id ${unitId}: ${exceptionText(absence.code)}`
        : `unit id ${unitId} did not answer within ${timeoutMs} ms, others do`;
    this.#say("warn", `${why}; it is asked again every ${retryIntervalMs / 1000} s. Check <unitId> and that device`);
  }

  #say(level: "info" | "warn", message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#log(level, message, { server: this.#server.alias, ...fields });
  }
}

/** One sentence, whatever the number of points. */
export function refusalText(groups: readonly Group[]): string {
  const parts = groups.flatMap(({ table, code, refusals }) => {
    const { one, many } = modbusTables[table.functionCode];
    const what = `of unit ${table.unitId}: ${exceptionText(code)}`;
    return rangesOf(refusals).map(({ address, endAddress }) => {
      const isOne = endAddress - address === 1;
      const where = isOne ? `${one} ${address}` : `${many} ${address} to ${endAddress - 1}`;
      return `${where} ${what}${hint(table.functionCode, code, address)}`;
    });
  });
  const shown = parts.slice(0, MOST_RANGES).join(" | ");
  return `the device refuses ${shown}${parts.length > MOST_RANGES ? ` | and ${parts.length - MOST_RANGES} other ranges` : ""}`;
}

/** Neighbours in one. */
function rangesOf(refusals: readonly Refusal[]): readonly { readonly address: number; readonly endAddress: number }[] {
  const ranges: { address: number; endAddress: number }[] = [];
  for (const { request } of refusals.toSorted((a, b) => a.request.address - b.request.address)) {
    const endAddress = request.address + request.quantity;
    const last = ranges.at(-1);
    if (last !== undefined && request.address <= last.endAddress)
      last.endAddress = Math.max(last.endAddress, endAddress);
    else ranges.push({ address: request.address, endAddress });
  }
  return ranges;
}

function hint(functionCode: ReadFunction, code: number, address: number): string {
  if (code === 1) return "; the device does not know this <function>";
  if (code === 4) return "; some devices answer so for a unit id that they do not have: check <unitId>";
  if (code !== 2 && code !== 3) return "";
  const meant = addressOfManualNumber(functionCode, address);
  if (meant !== undefined) return `; manuals that say ${address} mean address ${meant}`;
  return "; addresses count from 0, in many manuals from 1";
}
