// One `<endpoint>` of the Modbus file: what it says, whether it can be read, and the points that come of it.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Location } from "../../../configuration/configuration.ts";
import type { ModbusPoint, ReadFunction, RegisterForm, WordOrder } from "./modbus-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { readConversion, readText } from "./modbus-conversion.ts";
import { readNoValue } from "./no-value.ts";
import { quote } from "../../../configuration/problem.ts";
import { registerTypes, type RegisterType, type RegisterTypeName } from "./register-types.ts";
import { readFactorAddress, usualNoValue } from "./scale-factor.ts";
import { meaningOfFunction } from "./read-function.ts";

/** What an endpoint takes over from its server. */
export interface EndpointDefaults {
  readonly alias: string;
  readonly unitId: number;
  readonly wordOrder: WordOrder;
  readonly maxRegistersPerRequest: number;
}

/** An endpoint that can be read: `count` values of equal kind, one after the other. */
export interface ModbusEndpoint {
  readonly count: number;
  /** The first of the values; its key is the one asked for. */
  readonly first: ModbusPoint;
  /** As written, for messages. */
  readonly fields: Fields;
}

const addressSpace = 65536;

/** The endpoint; undefined when it is not read, for the reasons left in the findings: what is wrong in one element hides nothing in the others. */
export function readEndpoint(fields: Fields, defaults: EndpointDefaults): ModbusEndpoint | undefined {
  const given = { name: fields.name("name"), function: readFunction(fields) };
  if (given.function === "write") return undefined;
  const address = fields.number("address");
  const quantity = fields.number("quantity");
  const offset = fields.number("offset");
  const isComplete = ![given.name, given.function, address, quantity, offset].includes(undefined);
  // Nobody knows then what the other elements are for.
  if (fields.isInvalid("dataType")) return undefined;
  const isWithin = reachesWithin(fields, given.name ?? "", address ?? 0, quantity ?? 1);
  // Of what is missing, so that the rest can be looked at.
  const { name = "", function: functionCode = 3 } = given;
  const value =
    functionCode <= 2 ? bitValue(fields, name, offset ?? -1) : registerValue(fields, name, offset ?? -1, quantity);
  const { typeName, bit, width } = value;
  const { wireType }: RegisterType = registerTypes[typeName];
  const form = readForm(fields, name, typeName);
  const fits = functionCode <= 2 || fitsRequest(fields, name, width, defaults.maxRegistersPerRequest);
  const conversion = readConversion(fields, name, typeName);
  const factorAddress = readFactorAddress(fields, name, { functionCode, typeName });
  const noValue =
    readNoValue(fields, name, { functionCode, typeName, wireType, width, form }) ?? usualNoValue(fields, typeName);
  const text = readText(fields, name, typeName);
  const location: Location = { file: fields.findings.file, line: fields.element.line };
  if (!isComplete || address === undefined || quantity === undefined) return undefined;
  if (!isWithin || !value.isSound || !fits) return undefined;
  return {
    fields,
    count: quantity / width,
    first: {
      key: `${defaults.alias}: ${name}`,
      description: fields.text("description") ?? "",
      unit: fields.name("engineeringUnit") ?? "",
      functionCode,
      unitId: fields.number("unitId") ?? defaults.unitId,
      address,
      width,
      wireType,
      form,
      factorAddress,
      type: conversion.applies || factorAddress !== undefined ? BuiltInType.Double : wireType,
      bit,
      wordOrder: (fields.token("wordOrder") as WordOrder | undefined) ?? defaults.wordOrder,
      scale: conversion.scale,
      bias: conversion.bias,
      noValue,
      text,
      intervalMs: fields.milliseconds("interval"),
      location,
    },
  };
}

const tables: Readonly<Record<ReadFunction, string>> = {
  1: "coil",
  2: "discrete input",
  3: "holding register",
  4: "input register",
};

/** Where a value is in its device, in words. */
export function placeOf({ unitId, functionCode, address, bit }: ModbusPoint): string {
  return `unit ${unitId}, ${tables[functionCode]} ${address}${bit < 0 ? "" : `, bit ${bit}`}`;
}

/** Undefined: it says none that is known. */
function readFunction(fields: Fields): ReadFunction | "write" | undefined {
  const written = fields.token("function");
  if (written === undefined) return undefined;
  const meaning = meaningOfFunction(written);
  if (meaning.kind === "read") return meaning.code;
  const line = fields.lineOf("function");
  if (meaning.kind === "write") {
    fields.findings.warn(
      line,
      `${quote(fields.text("name") ?? "")} is skipped because ${quote(written)} is a write function and the partition only reads; remove this endpoint`,
    );
    return "write";
  }
  fields.findings.error(line, `<function> is ${written === "" ? "empty" : quote(written)}; ${meaning.because}`);
  return undefined;
}

function reachesWithin(fields: Fields, name: string, address: number, quantity: number): boolean {
  if (address + quantity <= addressSpace) return true;
  fields.findings.error(
    fields.lineOf("quantity"),
    `${quote(name)} reaches to address ${address + quantity - 1} (address ${address}, quantity ${quantity}), but the last address is ${addressSpace - 1}; reduce <quantity> or <address>`,
  );
  return false;
}

function fitsRequest(fields: Fields, name: string, width: number, most: number): boolean {
  if (width <= most) return true;
  fields.findings.error(
    fields.lineOf("quantity"),
    `${quote(name)} needs ${width} registers in one request, but this server answers ${most}; shorten the value or increase <maxRegistersPerRequest> (at most 125)`,
  );
  return false;
}

interface ValueShape {
  readonly typeName: RegisterTypeName;
  readonly bit: number;
  readonly width: number;
  /** False: for the reason left in the findings. */
  readonly isSound: boolean;
}

/** Coils and discrete inputs are bits already. */
function bitValue(fields: Fields, name: string, offset: number): ValueShape {
  const dataType = fields.token("dataType");
  const isSound = dataType === undefined || dataType === "Boolean";
  if (!isSound) {
    fields.findings.error(
      fields.lineOf("dataType"),
      `${quote(name)} is a single bit, which cannot be a ${dataType}; use Boolean or remove <dataType>`,
    );
  }
  if (offset > 0) {
    fields.findings.warn(
      fields.lineOf("offset"),
      `the bit offset ${offset} of ${quote(name)} is ignored because a coil or input is a single bit; use -1`,
    );
  }
  return { typeName: "Boolean", bit: -1, width: 1, isSound };
}

/** `quantity` undefined: it is not given. */
function registerValue(fields: Fields, name: string, offset: number, quantity: number | undefined): ValueShape {
  const dataType = fields.token("dataType") as RegisterTypeName | undefined;
  if (offset >= 0 && (dataType === undefined || dataType === "Boolean"))
    return { typeName: "Boolean", bit: offset, width: 1, isSound: true };
  if (offset >= 0) {
    fields.findings.error(
      fields.lineOf("offset"),
      `${quote(name)} is bit ${offset} of a register, which cannot be a ${dataType}; use <offset> -1 for the whole register, or <dataType> Boolean`,
    );
  }
  const typeName = dataType ?? "UInt16";
  const { width = quantity ?? 1 }: RegisterType = registerTypes[typeName];
  const isMultiple = (quantity ?? width) % width === 0;
  if (!isMultiple) {
    fields.findings.error(
      fields.lineOf("quantity"),
      `quantity ${quantity} of ${quote(name)} does not fit ${typeName}, which takes ${width} registers; use ${width} or a multiple of ${width}`,
    );
  }
  return { typeName, bit: -1, width, isSound: isMultiple && offset < 0 };
}

function readForm(fields: Fields, name: string, typeName: RegisterTypeName): RegisterForm | undefined {
  const { form }: RegisterType = registerTypes[typeName];
  const half = fields.token("half");
  if (half === undefined) return form;
  if (form === "lowByte") return half === "high" ? "highByte" : "lowByte";
  fields.findings.error(
    fields.lineOf("half"),
    `${quote(name)} has the type ${typeName}, which is no half of a register; remove <half>, or use Int8 or UInt8 as its <dataType>`,
  );
  return form;
}
