// How a device knows a point: what a person compares with the manual.

import type { ModbusPoint } from "../configuration/modbus-server.ts";
import { modbusTables } from "../configuration/modbus-tables.ts";

/** "unit 1, holding register 100, bit 3"; addresses as on the wire, counted from 0. */
export function sourceOf({ unitId, functionCode, address, width, bit, factorAddress }: ModbusPoint): string {
  const { one, many } = modbusTables[functionCode];
  const where = width === 1 ? `${one} ${address}` : `${many} ${address} to ${address + width - 1}`;
  const ofBit = bit < 0 || functionCode < 3 ? "" : `, bit ${bit}`;
  const factor = factorAddress === undefined ? "" : `, scale factor in ${factorAddress}`;
  return `unit ${unitId}, ${where}${ofBit}${factor}`;
}
