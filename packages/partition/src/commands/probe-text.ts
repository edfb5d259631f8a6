// What a probe found, for people and as JSON: registers as hexadecimal and as everything that they could mean.

import type { WordOrder } from "../protocols/modbus/configuration/modbus-server.ts";
import { modbusTables } from "../protocols/modbus/configuration/modbus-tables.ts";
import {
  isPlausible,
  textReadings,
  wideReading,
  wideTypes,
  wordOrders,
  type WideType,
} from "../protocols/modbus/probe/register-readings.ts";
import type { ReadablePiece, RefusedPiece } from "../protocols/modbus/probe/readable-range.ts";
import { functionOfTable, type ProbedTable, type ProbedUnit, type ProbeReport, type TableName } from "./probe.ts";
import { plainTable } from "./value-table.ts";

const bitsInALine = 10;
const implausible = ".";

export function probeText({ device, units, tables: found }: ProbeReport): string {
  const parts = [`${device} answers.`];
  if (units !== undefined && units.length > 0) parts.push(unitsText(units));
  const hasRegisters = found.some(({ table, report }) => isRegisters(table) && report.readable.length > 0);
  if (hasRegisters) {
    parts.push(
      "Number is the address as manuals write it that count from 1. A dot stands for a number that a process value hardly is\n" +
        "(as Float or Double below 0.0001 or above 10000000). The right type and word order is the column with good numbers at the\n" +
        "addresses of the manual; a row between two of them mixes two values. --json has every number.",
    );
  } else if (found.every(({ report }) => report.readable.length === 0) && found.length > 0) {
    parts.push(
      `It gave no value. Look for addresses in the manual of the device and ask for them, for example --unit ${found[0]?.unitId} --holding 100..119.`,
    );
  }
  return [...parts, ...found.map((table) => tableText(table))].join("\n\n");
}

export function probeJson({ device, units, tables: found }: ProbeReport): string {
  const seen = {
    device,
    units: units?.map(({ unitId, exception }) => ({ unitId, exception })) ?? null,
    tables: found.map(({ table, unitId, range, longestRequest, report }) => ({
      table,
      unitId,
      ...range,
      longestRequest,
      values: report.readable.flatMap((piece) => jsonValues(table, piece)),
      texts: isRegisters(table) ? report.readable.flatMap((piece) => textReadings(piece.address, piece.values)) : [],
      refused: report.refused,
      notAsked: report.notAsked ?? null,
    })),
  };
  // JSON has no bigints and no NaN: they are strings.
  return JSON.stringify(seen, (_key, value: unknown) => (isWordless(value) ? String(value) : value), 2);
}

function isWordless(value: unknown): boolean {
  return typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value));
}

function unitsText(units: readonly ProbedUnit[]): string {
  const table = plainTable(["Unit id", "Answer to one holding register at address 0"]);
  for (const { unitId, exception } of units) table.push([String(unitId), exception ?? "a value"]);
  return table.toString();
}

function tableText({ table, unitId, range, longestRequest, report }: ProbedTable): string {
  const head = `Unit id ${unitId}, ${modbusTables[functionOfTable[table]].many} ${range.first} to ${range.last}`;
  const length =
    longestRequest === 0 ? "nothing is readable" : `the longest request answered has ${longestRequest} addresses`;
  const pieces = report.readable.map((piece) => (isRegisters(table) ? registersText(table, piece) : bitsText(piece)));
  const rest = report.notAsked === undefined ? [] : [notAskedText(table, report.notAsked)];
  return [`${head}: ${length}.`, ...pieces, ...report.refused.map(refusedText), ...rest].join("\n\n");
}

function refusedText({ address, quantity, because }: RefusedPiece): string {
  const addresses = quantity === 1 ? `Address ${address} is` : `Addresses ${address} to ${address + quantity - 1} are`;
  return `${addresses} not readable: ${because}.`;
}

function notAskedText(table: TableName, { address, quantity, because }: RefusedPiece): string {
  const last = address + quantity - 1;
  return `Addresses from ${address} to ${last} were not asked for because ${because}. Ask for them with --${table} ${address}..${last}.`;
}

function bitsText({ address, values }: ReadablePiece): string {
  const table = plainTable(["Address", "Values"]);
  for (let at = 0; at < values.length; at += bitsInALine) {
    table.push([String(address + at), values.slice(at, at + bitsInALine).join(" ")]);
  }
  return table.toString();
}

function registersText(table: TableName, { address, values }: ReadablePiece): string {
  const single = plainTable(["Address", "Number", "Hex", "UInt16", "Int16", "Text"]);
  for (const [at, register] of values.entries()) single.push(singleRow(table, address + at, register));
  const texts = textReadings(address, values).map(
    ({ address: first, registers, text, isSwapped }) =>
      `Text in ${registers} registers from ${first} on${isSwapped ? ", bytes swapped" : ""}: ${JSON.stringify(text)}`,
  );
  const wide = wideTypes.map((type) => wideText(type, address, values));
  return [single.toString(), ...texts, ...wide].filter((part) => part !== "").join("\n\n");
}

function singleRow(table: TableName, address: number, register: number): string[] {
  return [
    String(address),
    numberText(table, address),
    hex(register),
    String(register),
    String((register << 16) >> 16),
    [register >> 8, register & 0xff]
      .map((byte) => (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : "."))
      .join(""),
  ];
}

/** Rows in which no order is plausible are left out: those registers hold something else. */
function wideText(type: WideType, address: number, values: readonly number[]): string {
  const table = plainTable([type.name, ...wordOrders]);
  for (let at = 0; at + type.registers <= values.length; at++) {
    const readings = wordOrders.map((order) => readingText(type, order, values, at));
    if (readings.some((reading) => reading !== implausible && reading !== "0")) {
      table.push([`${address + at} to ${address + at + type.registers - 1}`, ...readings]);
    }
  }
  return table.length === 0 ? "" : table.toString();
}

function readingText(type: WideType, order: WordOrder, values: readonly number[], at: number): string {
  const value = wideReading(values, at, type, order);
  if (value === undefined || !isPlausible(type, value)) return implausible;
  return type.name === "Float" ? String(Number(Number(value).toPrecision(7))) : String(value);
}

function jsonValues(table: TableName, { address, values }: ReadablePiece) {
  return values.map((value, at) => {
    const common = { address: address + at, number: numberText(table, address + at) };
    if (!isRegisters(table)) return { ...common, value: value === 1 };
    const wide = wideTypes.map((type) => [
      type.name,
      Object.fromEntries(wordOrders.map((order) => [order, wideReading(values, at, type, order) ?? null])),
    ]);
    return {
      ...common,
      hex: hex(value),
      UInt16: value,
      Int16: (value << 16) >> 16,
      ...(Object.fromEntries(wide) as Record<string, unknown>),
    };
  });
}

/** Six digits where five do not suffice. */
function numberText(table: TableName, address: number): string {
  const { digit } = modbusTables[functionOfTable[table]];
  const number = address + 1;
  return number <= 9999 ? `${digit}${String(number).padStart(4, "0")}` : `${digit}${String(number).padStart(5, "0")}`;
}

function hex(register: number): string {
  return register.toString(16).toUpperCase().padStart(4, "0");
}

function isRegisters(table: TableName): boolean {
  return functionOfTable[table] >= 3;
}
