// The header of a response (OPC 10000-4, 7.34), of which nobody reads more than the service result.
//
//   TypeId | Timestamp | RequestHandle | ServiceResult | ServiceDiagnostics | StringTable | AdditionalHeader | the response's own fields
//          |  8 bytes  |      u32      |      u32      |  DiagnosticInfo    |   String[]  | ExtensionObject  |
//
// The last three have no bound but the size of the message, and node-opcua makes objects of all that they contain. They are skipped here
// without decoding anything, and empty ones are put in their place, in the message's own memory. Pure but for that.

import { Skipper } from "./skipper.ts";

/** Which response it is, and where its fields begin once the header is read. */
export interface ResponseStart {
  /** Numeric id of the binary encoding, namespace 0 (OPC 10000-6, A.3). */
  readonly typeId: number;
  /** From the timestamp to the end, with a header that is as short as can be. */
  readonly bytes: Buffer;
}

const fixedBytes = 8 + 4 + 4;
const requestHandleOffset = 8;
/** DiagnosticInfo without fields; StringTable of length -1; AdditionalHeader with the null node id and no body. */
const emptyRest = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0]);

/**
 * Throws a RangeError where the message is no response. `requestId` is that of the sequence header, which pairs answers with questions; it
 * becomes the request handle, too: node-opcua writes the whole response into a text when they differ.
 */
export function readResponseStart(message: Buffer, requestId: number): ResponseStart {
  const reader = new Skipper(message);
  const typeId = reader.typeId();
  const fixedOffset = reader.offset;
  reader.skip(fixedBytes);
  reader.skipDiagnosticInfo();
  reader.skipStrings();
  reader.skipExtensionObject();
  const start = reader.offset - emptyRest.length - fixedBytes;
  message.copyWithin(start, fixedOffset, fixedOffset + fixedBytes);
  message.writeUInt32LE(requestId, start + requestHandleOffset);
  emptyRest.copy(message, start + fixedBytes);
  return { typeId, bytes: message.subarray(start) };
}
