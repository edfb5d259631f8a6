// `cpc probe`: what a Modbus device answers, before it is configured. Reads only, one request at a time.

import { ExitCode } from "@cpc-partition/process/exit-code";
import { CommandError } from "@cpc-partition/process/command-error";
import { printError } from "@cpc-partition/process/standard-error";
import { print } from "@cpc-partition/process/standard-output";
import type { ReadFunction } from "../protocols/modbus/configuration/modbus-server.ts";
import { modbusTables } from "../protocols/modbus/configuration/modbus-tables.ts";
import { isPresent, ProbedDevice } from "../protocols/modbus/probe/probed-device.ts";
import { longestAnswered, readRange, type RangeReport } from "../protocols/modbus/probe/readable-range.ts";
import { hostInUrl } from "../certificates/host-name.ts";
import { ServerError } from "../sources/server-error.ts";
import { probeJson, probeText } from "./probe-text.ts";
import { Progress } from "./progress.ts";

/** Addresses from `first` to `last`, both among them. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

export interface ProbeSettings {
  readonly unit: number | undefined;
  readonly scan: readonly number[];
  readonly coils: AddressRange | undefined;
  readonly discrete: AddressRange | undefined;
  readonly holding: AddressRange | undefined;
  readonly input: AddressRange | undefined;
  /** Seconds. */
  readonly timeout: number;
  readonly json: boolean;
}

export interface ProbedUnit {
  readonly unitId: number;
  /** In words; undefined: it gave a value. */
  readonly exception: string | undefined;
  /** 0 where it gave a value. */
  readonly exceptionCode: number;
}

/** Illegal function, address or value: a device has looked at the request. Other exceptions also come from gateways, and for ids that do not exist. */
const lastCodeOfDevice = 3;

export interface ProbedTable {
  readonly table: TableName;
  readonly unitId: number;
  readonly range: AddressRange;
  /** The most addresses from the first readable one on that one request was answered for; 0: nothing is readable. */
  readonly longestRequest: number;
  readonly report: RangeReport;
}

export interface ProbeReport {
  readonly device: string;
  /** Undefined: nobody looked for unit ids. */
  readonly units: readonly ProbedUnit[] | undefined;
  readonly tables: readonly ProbedTable[];
}

/** The tables by the names of the options. */
export const functionOfTable = { coils: 1, discrete: 2, holding: 3, input: 4 } as const satisfies Readonly<
  Record<string, ReadFunction>
>;

export type TableName = keyof typeof functionOfTable;

const tableNames = Object.keys(functionOfTable) as TableName[];
/** Read where nobody said what to read. */
const firstAddresses: AddressRange = { first: 0, last: 9 };

export async function probe(host: string, port: number, settings: ProbeSettings): Promise<ExitCode> {
  const address = `${hostInUrl(host)}:${port}`;
  const device = new ProbedDevice(host, port, settings.timeout * 1000);
  const progress = new Progress();
  try {
    const report = { device: address, ...(await ask(device, settings, progress)) };
    progress.clear();
    print(settings.json ? probeJson(report) : probeText(report));
    return report.tables.some(({ report: { readable } }) => readable.length > 0) ? ExitCode.fine : ExitCode.failed;
  } catch (error) {
    progress.clear();
    if (error instanceof ServerError) throw new CommandError(error.message, { cause: error });
    throw error;
  } finally {
    device.close();
  }
}

async function ask(
  device: ProbedDevice,
  settings: ProbeSettings,
  progress: Progress,
): Promise<Omit<ProbeReport, "device">> {
  const asked = tableNames.filter((name) => settings[name] !== undefined);
  const isGiven = asked.length > 0;
  const units = settings.unit === undefined && !isGiven ? await scan(device, settings.scan, progress) : undefined;
  const unitId = settings.unit ?? (units === undefined ? 1 : likeliest(units)?.unitId);
  if (unitId === undefined) {
    printError(
      `no unit id of ${listText(settings.scan)} answered; look for others with --scan 1..247, wait longer with --timeout, or ask whether the device has another port`,
    );
    return { units, tables: [] };
  }
  const found: ProbedTable[] = [];
  for (const table of isGiven ? asked : tableNames) {
    const range = settings[table] ?? firstAddresses;
    const functionCode = functionOfTable[table];
    const about = `unit id ${unitId}, ${modbusTables[functionCode].many}`;
    progress.show(`${about} ${range.first} to ${range.last}`);
    const report = await readRange(device, { unitId, functionCode }, range.first, range.last, (done) =>
      progress.show(`${about}: ${done} of ${range.last - range.first + 1}`),
    );
    progress.show(`${about}: looking for the longest request`);
    const start = report.readable[0]?.address;
    const longestRequest = start === undefined ? 0 : await longestAnswered(device, { unitId, functionCode }, start);
    found.push({ table, unitId, range, longestRequest, report });
  }
  return { units, tables: found };
}

/** Every unit id is asked for one holding register: what has none of those answers with an exception. */
async function scan(device: ProbedDevice, unitIds: readonly number[], progress: Progress): Promise<ProbedUnit[]> {
  const found: ProbedUnit[] = [];
  for (const [at, unitId] of unitIds.entries()) {
    progress.show(`unit id ${unitId} (${at + 1} of ${unitIds.length}, ${found.length} found)`);
    const answer = await device.ask(unitId, { functionCode: 3, address: 0, quantity: 1 });
    const [exception, exceptionCode] = answer.kind === "exception" ? [answer.because, answer.code] : [undefined, 0];
    if (isPresent(answer)) found.push({ unitId, exception, exceptionCode });
  }
  return found;
}

/** The first that gave a value, else the first that refused the request for what it asks, else the first that answered. */
function likeliest(units: readonly ProbedUnit[]): ProbedUnit | undefined {
  return (
    units.find(({ exceptionCode }) => exceptionCode === 0) ??
    units.find(({ exceptionCode }) => exceptionCode <= lastCodeOfDevice) ??
    units[0]
  );
}

export function listText(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first} to ${last}`)).join(", ");
}
