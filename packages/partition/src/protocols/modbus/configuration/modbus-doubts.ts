// What is legal in the endpoints of a Modbus server and probably meant otherwise. Each doubt is raised once for a server, at the first
// endpoint concerned, with the number of the others.

import type { ModbusEndpoint } from "./modbus-endpoint.ts";
import { addressOfManualNumber, modbusTables } from "./modbus-tables.ts";
import { quote } from "../../../configuration/problem.ts";

/** By quantity: numbers that take as many registers. */
const longerNumbers = [
  { quantity: 2, bits: 32, types: "Float, UInt32 or Int32" },
  { quantity: 4, bits: 64, types: "Double, UInt64 or Int64" },
] as const;

/** Warns of registers that are read as several values and look like one longer number without its type. */
export function warnOfMissingTypes(endpoints: readonly ModbusEndpoint[], alias: string): void {
  for (const { quantity, bits, types } of longerNumbers) {
    const untyped = endpoints.filter(
      ({ fields, first, count }) =>
        count === quantity && first.functionCode >= 3 && first.bit < 0 && !fields.has("dataType"),
    );
    const [example] = untyped;
    if (example === undefined) continue;
    const { fields } = example;
    fields.findings.warn(
      fields.lineOf("quantity"),
      `${nameOf(example)} has quantity ${quantity} and no <dataType>, so it is read as ${quantity} values of type UInt16; ` +
        `add a <dataType> (${types}) if it is one ${bits}-bit value, or <dataType>UInt16</dataType> if it is not${others(untyped, alias)}`,
    );
  }
}

/** A hint and no warning, because some devices do have such addresses on the wire. */
export function hintAtManualNumbers(endpoints: readonly ModbusEndpoint[], alias: string): void {
  const onTheWire = tablesFromTheirStart(endpoints);
  const suspects = endpoints.filter(
    (endpoint) => isManualNumber(endpoint) && !onTheWire.has(endpoint.first.functionCode),
  );
  const [example] = suspects;
  if (example === undefined) return;
  const { fields, first } = example;
  const { digit, many } = modbusTables[first.functionCode];
  const written = fields.token("address") ?? "";
  fields.findings.hint(
    fields.lineOf("address"),
    `address ${written} of ${nameOf(example)} looks like a number from a manual, which counts ${many} from ${digit}0001: ` +
      `manuals that say ${written} mean address ${first.address - digit * 10_000 - 1}; ` +
      `keep it only if the device has this address on the wire${others(suspects, alias)}`,
  );
}

/** Of coils only the zeros in front tell. An address in the longer form is beyond 65535, and an error already. */
function isManualNumber({ fields, first: { functionCode, address } }: ModbusEndpoint): boolean {
  const { digit } = modbusTables[functionCode];
  if (digit === 0) return /^0\d{4,5}$/.test(fields.token("address") ?? "") && address > 0;
  return addressOfManualNumber(functionCode, address) !== undefined;
}

/** 40000 is no manual's number: whoever reads it (SunSpec does) counts as on the wire. */
function tablesFromTheirStart(endpoints: readonly ModbusEndpoint[]): ReadonlySet<number> {
  const starts = endpoints.flatMap(({ first: { functionCode, address } }) => {
    const { digit } = modbusTables[functionCode];
    return digit > 0 && address === digit * 10_000 ? [functionCode] : [];
  });
  return new Set(starts);
}

function nameOf({ fields }: ModbusEndpoint): string {
  return quote(fields.text("name") ?? "");
}

const mostLines = 10;

function others(endpoints: readonly ModbusEndpoint[], alias: string): string {
  const lines = endpoints.slice(1).map(({ first }) => first.location.line);
  if (lines.length === 0) return "";
  const list = `${lines.slice(0, mostLines).join(", ")}${lines.length > mostLines ? ", ..." : ""}`;
  const more = lines.length === 1 ? "1 more endpoint" : `${lines.length} more endpoints`;
  return `. The same goes for ${more} of ${quote(alias)} (line${lines.length === 1 ? "" : "s"} ${list})`;
}
