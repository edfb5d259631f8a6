// The words of `<dataType>`: what is published for each, how many registers a value takes, and how they hold it.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { RegisterForm } from "./modbus-server.ts";

export interface RegisterType {
  readonly wireType: BuiltInType;
  /** Registers per value; undefined: all of the quantity. */
  readonly width: number | undefined;
  readonly form?: RegisterForm;
}

export const registerTypes = {
  Boolean: { wireType: BuiltInType.Boolean, width: 1 },
  Int8: { wireType: BuiltInType.SByte, width: 1, form: "lowByte" },
  UInt8: { wireType: BuiltInType.Byte, width: 1, form: "lowByte" },
  Int16: { wireType: BuiltInType.Int16, width: 1 },
  UInt16: { wireType: BuiltInType.UInt16, width: 1 },
  Int32: { wireType: BuiltInType.Int32, width: 2 },
  UInt32: { wireType: BuiltInType.UInt32, width: 2 },
  Int64: { wireType: BuiltInType.Int64, width: 4 },
  UInt64: { wireType: BuiltInType.UInt64, width: 4 },
  Float16: { wireType: BuiltInType.Float, width: 1, form: "float16" },
  Float: { wireType: BuiltInType.Float, width: 2 },
  Double: { wireType: BuiltInType.Double, width: 4 },
  BCD16: { wireType: BuiltInType.UInt16, width: 1, form: "bcd" },
  BCD32: { wireType: BuiltInType.UInt32, width: 2, form: "bcd" },
  BCD48: { wireType: BuiltInType.UInt64, width: 3, form: "bcd" },
  BCD64: { wireType: BuiltInType.UInt64, width: 4, form: "bcd" },
  String: { wireType: BuiltInType.String, width: undefined },
} as const satisfies Readonly<Record<string, RegisterType>>;

export type RegisterTypeName = keyof typeof registerTypes;
