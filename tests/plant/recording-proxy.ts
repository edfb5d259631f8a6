// A proxy that records what a client asks a server for. It decodes by itself, from the standards, so that the client under test is not
// judged by its own code.
//
// It records what it cannot decode as such and leaves nothing out: an assertion on the set of what was seen then fails, too.

import { TcpProxy } from "./tcp-proxy.ts";

/** Takes the bytes of one connection, in the pieces in which they come. */
export type Decoder = (bytes: Buffer) => void;

export type RecordingProxy<Request> = TcpProxy & { readonly requests: Request[] };

export interface ModbusRequest {
  readonly functionCode: number | "garbage";
  /** The whole request without its transaction id, as hexadecimal digits. */
  readonly text: string;
}

export interface OpcUaRequest {
  readonly service: string;
  /** Of its first chunk. */
  readonly sizeBytes: number;
}

/** Before a plain Modbus TCP device. */
export function recordModbus(targetPort: number): Promise<RecordingProxy<ModbusRequest>> {
  return recordBefore(targetPort, modbusDecoder);
}

/**
 * Before an OPC UA server. `isEncrypted`: secured channels have the mode SignAndEncrypt, which a proxy cannot tell from Sign, and
 * their messages are recorded as "encrypted". Otherwise every service shows.
 */
export function recordOpcUa(targetPort: number, isEncrypted = false): Promise<RecordingProxy<OpcUaRequest>> {
  return recordBefore(targetPort, (record) => opcUaDecoder(record, isEncrypted));
}

async function recordBefore<Request>(
  targetPort: number,
  decoder: (record: (request: Request) => void) => Decoder,
): Promise<RecordingProxy<Request>> {
  const proxy = await TcpProxy.start(targetPort);
  const requests: Request[] = [];
  const decoders = new Map<number, Decoder>();
  proxy.onBytes = (direction, bytes, { number }) => {
    if (direction === "to client") return;
    const decode = decoders.get(number) ?? decoder((request) => requests.push(request));
    decoders.set(number, decode);
    decode(bytes);
  };
  return Object.assign(proxy, { requests });
}

/** MODBUS Messaging on TCP/IP V1.0b, 3.1.3: transaction id (2), protocol id 0 (2), length (2), unit id (1), function code (1) ... */
export function modbusDecoder(record: (request: ModbusRequest) => void): Decoder {
  let pending: Buffer = Buffer.alloc(0);
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= 8) {
      const end = 6 + pending.readUInt16BE(4);
      const isModbus = pending.readUInt16BE(2) === 0 && end >= 8;
      if (isModbus && pending.length < end) return;
      const frame = isModbus ? pending.subarray(0, end) : pending;
      const functionCode = isModbus ? frame.readUInt8(7) : "garbage";
      record({ functionCode, text: frame.toString("hex", 2) });
      pending = pending.subarray(frame.length);
    }
  };
}

/** OPC 10000-6, A.3: the numeric ids of the requests' binary encodings in namespace 0. */
const serviceByEncodingId: ReadonlyMap<number, string> = new Map([
  [428, "GetEndpoints"],
  [446, "OpenSecureChannel"],
  [452, "CloseSecureChannel"],
  [461, "CreateSession"],
  [467, "ActivateSession"],
  [473, "CloseSession"],
  [527, "Browse"],
  [533, "BrowseNext"],
  [554, "TranslateBrowsePathsToNodeIds"],
  [631, "Read"],
  [673, "Write"],
  [712, "Call"],
  [751, "CreateMonitoredItems"],
  [781, "DeleteMonitoredItems"],
  [787, "CreateSubscription"],
  [826, "Publish"],
  [832, "Republish"],
  [841, "TransferSubscriptions"],
  [847, "DeleteSubscriptions"],
]);

const chunkHeaderBytes = 8;
/** Secure channel id, token id, sequence number, request id (OPC 10000-6, 6.7.2). */
const messageHeaderBytes = chunkHeaderBytes + 16;

/** OPC 10000-6, 7.1.2: message type (3), chunk type (1), size (4), and for MSG and CLO what `messageHeaderBytes` counts, then the body. */
export function opcUaDecoder(record: (request: OpcUaRequest) => void, isEncrypted = false): Decoder {
  let isSecured = false;
  let pending: Buffer = Buffer.alloc(0);
  /** Requests whose first chunk was seen: it alone tells the service. */
  const begun = new Set<number>();
  const decodeChunk = (chunk: Buffer): void => {
    const sizeBytes = chunk.length;
    const type = chunk.toString("latin1", 0, 3);
    if (type === "HEL") record({ service: "Hello", sizeBytes });
    // Its body is encrypted unless the mode is None; nothing but OpenSecureChannel goes into such a message (6.7.4).
    else if (type === "OPN") {
      isSecured = !policyOf(chunk).endsWith("#None");
      record({ service: "OpenSecureChannel", sizeBytes });
    } else if (isSecured && isEncrypted) record({ service: "encrypted", sizeBytes });
    else if (type !== "MSG" && type !== "CLO") record({ service: `message ${type}`, sizeBytes });
    else {
      const requestId = chunk.readUInt32LE(messageHeaderBytes - 4);
      if (!begun.has(requestId)) record({ service: serviceOf(chunk.subarray(messageHeaderBytes)), sizeBytes });
      if (chunk[3] === 0x43) begun.add(requestId);
      else begun.delete(requestId);
    }
  };
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= chunkHeaderBytes) {
      const size = pending.readUInt32LE(4);
      if (size < chunkHeaderBytes) {
        record({ service: "garbage", sizeBytes: pending.length });
        pending = Buffer.alloc(0);
        return;
      }
      if (pending.length < size) return;
      decodeChunk(pending.subarray(0, size));
      pending = pending.subarray(size);
    }
  };
}

/** The asymmetric security header (6.7.2.3) begins with the length and text of the policy's URI, after the channel's id. */
function policyOf(openChannel: Buffer): string {
  const start = chunkHeaderBytes + 8;
  return openChannel.toString("latin1", start, start + openChannel.readInt32LE(start - 4));
}

/** The body begins with the node id of its encoding (5.2.2.9): two bytes, four bytes, or numeric, in namespace 0. */
function serviceOf(body: Buffer): string {
  const id =
    body[0] === 0x00
      ? body[1]
      : body[0] === 0x01 && body[1] === 0
        ? body.readUInt16LE(2)
        : body[0] === 0x02 && body.readUInt16LE(1) === 0
          ? body.readUInt32LE(3)
          : undefined;
  if (id === undefined) return "garbage";
  return serviceByEncodingId.get(id) ?? `service ${id}`;
}
