// `<scaleFactor>`: the register with the decimal exponent of a value, as in the information models of SunSpec.
//
// Promises: value and exponent are in one request, so that they are of one moment. A file in which that cannot be is refused.

import type { ModbusPoint, NoValue } from "./modbus-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import type { ModbusEndpoint } from "./modbus-endpoint.ts";
import { quote, type Findings } from "../../../configuration/problem.ts";
import type { RegisterTypeName } from "./register-types.ts";

interface Scaled {
  readonly functionCode: number;
  readonly typeName: RegisterTypeName;
}

/** What does not fit is left in the findings. */
export function readFactorAddress(
  fields: Fields,
  name: string,
  { functionCode, typeName }: Scaled,
): number | undefined {
  const address = fields.number("scaleFactor");
  if (address === undefined) return undefined;
  if (functionCode >= 3 && typeName !== "Boolean" && typeName !== "String") return address;
  const kind = functionCode <= 2 ? "a single bit" : `a ${typeName}`;
  fields.findings.error(
    fields.lineOf("scaleFactor"),
    `${quote(name)} is ${kind}, which has no scale factor; use a number type, or remove <scaleFactor>`,
  );
  return undefined;
}

/** SunSpec Device Information Model Specification, 4.3: the values that mean "not implemented". */
const notImplemented: Partial<Record<RegisterTypeName, string>> = {
  Int16: "0x8000",
  UInt16: "0xffff",
  Int32: "0x80000000",
  UInt32: "0xffffffff",
  Int64: "0x8000000000000000",
  UInt64: "0xffffffffffffffff",
};

/** Of a value with a scale factor and without a `<noValue>`. */
export function usualNoValue(fields: Fields, typeName: RegisterTypeName): NoValue | undefined {
  const pattern = notImplemented[typeName];
  if (pattern === undefined || !fields.has("scaleFactor") || fields.has("noValue")) return undefined;
  return { patterns: [pattern], notANumber: false };
}

interface ReadLimits {
  readonly maxRegistersPerRequest: number;
  /** As written: undefined allows what a scale factor needs. */
  readonly maxGap: number | undefined;
}

/** `endpoints`: all of one server. */
export function checkScaleFactors(endpoints: readonly ModbusEndpoint[], limits: ReadLimits, findings: Findings): void {
  const covered = new CoveredAddresses(endpoints);
  for (const { fields, first, count } of endpoints) {
    if (first.factorAddress === undefined) continue;
    const line = fields.lineOf("scaleFactor");
    const last = { ...first, address: first.address + (count - 1) * first.width };
    for (const point of count === 1 ? [first] : [first, last]) {
      const message = misfitOf(point, first.factorAddress, covered, limits);
      if (message === undefined) continue;
      findings.error(line, message);
      break;
    }
  }
}

function misfitOf(
  point: ModbusPoint,
  factorAddress: number,
  covered: CoveredAddresses,
  { maxRegistersPerRequest, maxGap }: ReadLimits,
): string | undefined {
  const { key, address, width } = point;
  const endAddress = address + width;
  const reach = Math.max(endAddress, factorAddress + 1) - Math.min(address, factorAddress);
  const both = `${quote(key)} (address ${address}) and its <scaleFactor> ${factorAddress}`;
  if (factorAddress >= address && factorAddress < endAddress) {
    return `${both} are the same register; write the address of the register with the decimal exponent`;
  }
  if (reach > maxRegistersPerRequest) {
    return (
      `${both} reach over ${reach} registers, but one request reads ${maxRegistersPerRequest} at most, and values from two requests may not belong together; ` +
      "correct the address, or remove <scaleFactor> and write the factor as <scale>"
    );
  }
  if (maxGap === undefined) return undefined;
  const hole = longestHole(point, factorAddress, covered.of(point));
  if (hole <= maxGap) return undefined;
  return `${both} have ${hole} registers between them that no endpoint reads, but <maxGap> allows ${maxGap}; increase <maxGap> to ${hole}, or remove it`;
}

/** Which addresses the endpoints of a server read; looked up once for each unit id and function, not for each value. */
class CoveredAddresses {
  readonly #endpoints: readonly ModbusEndpoint[];
  readonly #found = new Map<string, Uint8Array>();

  constructor(endpoints: readonly ModbusEndpoint[]) {
    this.#endpoints = endpoints;
  }

  /** 1: an endpoint reads it. */
  of({ functionCode, unitId }: ModbusPoint): Uint8Array {
    const table = `${functionCode} ${unitId}`;
    const known = this.#found.get(table);
    if (known !== undefined) return known;
    const covered = new Uint8Array(65_536);
    for (const { first, count } of this.#endpoints)
      if (first.functionCode === functionCode && first.unitId === unitId)
        covered.fill(1, first.address, first.address + count * first.width);
    this.#found.set(table, covered);
    return covered;
  }
}

/** Registers in a row, between value and factor, without an endpoint. */
function longestHole(point: ModbusPoint, factorAddress: number, covered: Uint8Array): number {
  const from = factorAddress > point.address ? point.address + point.width : factorAddress + 1;
  const to = Math.max(point.address, factorAddress);
  let longest = 0;
  let current = 0;
  for (let address = from; address < to; address++) {
    current = covered[address] === 1 ? 0 : current + 1;
    longest = Math.max(longest, current);
  }
  return longest;
}
