// What an exception of the device means for the points of the request. Pure.
//
// MODBUS Application Protocol V1.1b3, 7, "MODBUS Exception Codes". An exception is an answer: it never ends a connection.

import { StatusCode } from "@cpc-partition/image/values/status-code";

const ILLEGAL_FUNCTION = 1;
const ILLEGAL_DATA_ADDRESS = 2;
const ILLEGAL_DATA_VALUE = 3;
export const DEVICE_FAILURE = 4;
const GATEWAY_PATH_UNAVAILABLE = 10;
const GATEWAY_TARGET_FAILED_TO_RESPOND = 11;

interface Meaning {
  readonly status: number;
  /** The standard's name for it, in lower case. */
  readonly name: string;
}

const meaningByCode: ReadonlyMap<number, Meaning> = new Map([
  [ILLEGAL_FUNCTION, { status: StatusCode.BadNotSupported, name: "illegal function" }],
  [ILLEGAL_DATA_ADDRESS, { status: StatusCode.BadOutOfRange, name: "illegal data address" }],
  [ILLEGAL_DATA_VALUE, { status: StatusCode.BadInvalidArgument, name: "illegal data value" }],
  [DEVICE_FAILURE, { status: StatusCode.BadDeviceFailure, name: "server device failure" }],
  // Accepted, but no data yet.
  [5, { status: StatusCode.BadWaitingForResponse, name: "acknowledge" }],
  [6, { status: StatusCode.BadServerTooBusy, name: "server device busy" }],
  [8, { status: StatusCode.BadDeviceFailure, name: "memory parity error" }],
  [GATEWAY_PATH_UNAVAILABLE, { status: StatusCode.BadNoCommunication, name: "gateway path unavailable" }],
  [
    GATEWAY_TARGET_FAILED_TO_RESPOND,
    { status: StatusCode.BadTimeout, name: "gateway target device failed to respond" },
  ],
]);

/** The OPC UA status for an exception code; BadUnexpectedError for one that the standard does not know. */
export function exceptionStatus(code: number): number {
  return meaningByCode.get(code)?.status ?? StatusCode.BadUnexpectedError;
}

/** "exception 2, illegal data address" */
export function exceptionText(code: number): string {
  return `exception ${code}, ${meaningByCode.get(code)?.name ?? "which the standard does not know"}`;
}

/**
 * True when a part of the range may be readable although the whole is not. The standard has 02 and 03 for holes and for ranges that are too
 * long; devices do not tell these apart reliably, and some answer 01 or 04 instead.
 */
export function refusesRange(code: number): boolean {
  return code >= ILLEGAL_FUNCTION && code <= DEVICE_FAILURE;
}

/** True when a gateway says that nobody is behind this unit id. */
export function unitIsAbsent(code: number): boolean {
  return code === GATEWAY_PATH_UNAVAILABLE || code === GATEWAY_TARGET_FAILED_TO_RESPOND;
}
