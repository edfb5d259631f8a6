// The OPC UA status codes that we set ourselves, and how to look at any of them.
// Values: OPC 10000-6 (Mappings), A.2; severity bits: OPC 10000-4 (Services), 7.39.

export const StatusCode = {
  Good: 0x00000000,
  BadUnexpectedError: 0x80010000,
  BadInternalError: 0x80020000,
  BadTimeout: 0x800a0000,
  BadEncodingLimitsExceeded: 0x80080000,
  BadDecodingError: 0x80070000,
  BadDataTypeIdUnknown: 0x80110000,
  BadNoCommunication: 0x80310000,
  BadWaitingForInitialData: 0x80320000,
  BadNodeIdUnknown: 0x80340000,
  BadIndexRangeNoData: 0x80370000,
  BadIndexRangeDataMismatch: 0x80ea0000,
  BadOutOfRange: 0x803c0000,
  BadNoData: 0x809b0000,
  BadNoMatch: 0x806f0000,
  BadTypeMismatch: 0x80740000,
  BadNotConnected: 0x808a0000,
  BadDeviceFailure: 0x808b0000,
  BadNotSupported: 0x803d0000,
  BadOutOfService: 0x808d0000,
  BadInvalidArgument: 0x80ab0000,
  BadServerTooBusy: 0x80ee0000,
  BadWaitingForResponse: 0x80b20000,
  BadShutdown: 0x800c0000,
} as const;

/** True for the severity "Bad" (10) and the reserved one (11): both top bits are looked at, whatever the rest says. */
export function isBad(status: number): boolean {
  return status >>> 31 === 1;
}

/** True for the severity "Good" (00). */
export function isGood(status: number): boolean {
  return status >>> 30 === 0;
}
