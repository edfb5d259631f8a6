// The configuration of Modbus devices after reading: readonly, checked, with every default filled in. Nothing in it needs a second look in a cycle.

import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Location } from "../../../configuration/configuration.ts";

export interface ModbusConfiguration {
  readonly servers: readonly ModbusServer[];
}

export interface ModbusServer {
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  /** Poll interval; undefined: the service's. */
  readonly intervalMs: number | undefined;
  /** Longest wait for a connection or a response. */
  readonly timeoutMs: number;
  readonly retryIntervalMs: number;
  /** 1 to 125. */
  readonly maxRegistersPerRequest: number;
  /** Registers or bits nobody asked for that may be read along to save a request. */
  readonly maxGap: number;
  readonly pauseBetweenRequestsMs: number;
  /** Rest of the device after each connect. */
  readonly pauseAfterConnectMs: number;
  /** Each request has a connection of its own. */
  readonly connectsPerRequest: boolean;
  /** Requests that may be outstanding at a time, 1 to 16. Absent: 1. */
  readonly maxInFlight?: number;
  /** Modbus TCP, or frames of a serial line inside a TCP connection. Absent: tcp. */
  readonly framing?: ModbusFraming;
  /** Absent: every field of a reply is checked. */
  readonly tolerates?: readonly Tolerance[];
  /** Absent or undefined: plain Modbus TCP. There is no fallback from one to the other. */
  readonly tls?: ModbusTls | undefined;
  /** In configuration order, quantities already expanded: one entry per value. */
  readonly points: readonly ModbusPoint[];
  readonly location: Location;
}

/** A server without its points: what a poll needs to know of it once its requests are planned. */
export type ModbusDevice = Omit<ModbusServer, "points">;

/** A field of a reply that a device fills in wrongly, and that is not looked at therefore. */
export type Tolerance = "unitId" | "transactionId" | "byteCount";

export type ModbusFraming = "tcp" | "rtu";

/** MODBUS/TCP Security Protocol Specification: TLS with certificates on both sides. */
export interface ModbusTls {
  /** Absolute paths. Certificates PEM or DER, key PEM. */
  readonly caFile: string;
  readonly clientCertificateFile: string;
  readonly clientPrivateKeyFile: string;
  /** Host name or address that the device's certificate must be for. */
  readonly serverName: string;
  readonly minimumVersion: TlsVersion;
}

export type TlsVersion = "1.2" | "1.3";

export type ReadFunction = 1 | 2 | 3 | 4;

/** Order of the bytes of a 32-bit value 0xAABBCCDD in two registers; for 64 bits the same rule is applied to four registers. */
export type WordOrder = "ABCD" | "CDAB" | "BADC" | "DCBA";

export interface ModbusPoint {
  /** `{serveralias}: {name}`, with `[n]` from the second element of a quantity on. */
  readonly key: string;
  readonly description: string;
  readonly unit: string;
  /** MODBUS function code: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers. */
  readonly functionCode: ReadFunction;
  readonly unitId: number;
  /** Protocol address, 0-based, as on the wire. */
  readonly address: number;
  /** Addresses that this value takes: 1 to 4; for a String as many registers as it has. */
  readonly width: number;
  /** Boolean, SByte .. UInt64, Float, Double or String: the type on the wire. */
  readonly wireType: BuiltInType;
  /** Absent or undefined: the registers hold the bits of the wire type. */
  readonly form?: RegisterForm | undefined;
  /** The register of the same table with the decimal exponent of the value; absent or undefined: it has none. */
  readonly factorAddress?: number | undefined;
  /** The type published: Double when scale or bias apply, else the wire type. */
  readonly type: BuiltInType;
  /** Bit of the register, 0 = least significant; -1: the whole register. */
  readonly bit: number;
  readonly wordOrder: WordOrder;
  /** Decimal numbers as they are written, "0.1": see decimal.ts. */
  readonly scale: string;
  readonly bias: string;
  /** Absent or undefined: every raw value is one. */
  readonly noValue?: NoValue | undefined;
  /** Of a String; absent or undefined: UTF-8, two bytes in a register. */
  readonly text?: ModbusText | undefined;
  /** Poll interval; absent or undefined: the server's. */
  readonly intervalMs?: number | undefined;
  readonly location: Location;
}

/** How registers hold a number otherwise: as one of the bytes of a register, with half the precision of a Float, or as decimal digits. */
export type RegisterForm = "lowByte" | "highByte" | "float16" | "bcd";

/** The raw values by which a device says that it has no value. */
export interface NoValue {
  /** The bits of the registers, after the word order is undone, in hexadecimal: "0x8000". */
  readonly patterns: readonly string[];
  /** Every NaN of a Float or Double. */
  readonly notANumber: boolean;
}

export interface ModbusText {
  readonly encoding: "UTF-8" | "ISO-8859-1" | "windows-1252" | "UTF-16BE";
  /** Bytes of the text in a register; always 1, a code unit, for UTF-16BE. */
  readonly charactersPerRegister: 1 | 2;
}
