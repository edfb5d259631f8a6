// What an exception of the device means for the points of the request. Pure.
//
// MODBUS Application Protocol V1.1b3, 7, "MODBUS Exception Codes". An exception is an answer: it never ends a connection.

import { StatusCode } from "../point/status-code.ts";

const ILLEGAL_DATA_ADDRESS = 2;
const ILLEGAL_DATA_VALUE = 3;
const GATEWAY_PATH_UNAVAILABLE = 10;
const GATEWAY_TARGET_FAILED_TO_RESPOND = 11;

const statusByCode: ReadonlyMap<number, number> = new Map([
  /* Illegal function */ [1, StatusCode.BadNotSupported],
  [ILLEGAL_DATA_ADDRESS, StatusCode.BadOutOfRange],
  [ILLEGAL_DATA_VALUE, StatusCode.BadInvalidArgument],
  /* Server device failure */ [4, StatusCode.BadDeviceFailure],
  /* Acknowledge: accepted, but no data yet */ [5, StatusCode.BadWaitingForResponse],
  /* Server device busy */ [6, StatusCode.BadServerTooBusy],
  /* Memory parity error */ [8, StatusCode.BadDeviceFailure],
  [GATEWAY_PATH_UNAVAILABLE, StatusCode.BadNoCommunication],
  [GATEWAY_TARGET_FAILED_TO_RESPOND, StatusCode.BadTimeout],
]);

/** The OPC UA status for an exception code; BadUnexpectedError for one that the standard does not know. */
export function exceptionStatus(code: number): number {
  return statusByCode.get(code) ?? StatusCode.BadUnexpectedError;
}

/** True when a part of the range may be readable although the whole is not: 02 and 03, which devices do not tell apart reliably. */
export function refusesRange(code: number): boolean {
  return code === ILLEGAL_DATA_ADDRESS || code === ILLEGAL_DATA_VALUE;
}

/** True when a gateway says that nobody is behind this unit id. */
export function unitIsAbsent(code: number): boolean {
  return code === GATEWAY_PATH_UNAVAILABLE || code === GATEWAY_TARGET_FAILED_TO_RESPOND;
}
