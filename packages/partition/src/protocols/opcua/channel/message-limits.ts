// How large a message of a server may be, and how much may become of it.
//
// node-opcua takes its limits from what the server acknowledges (OPC 10000-6, 7.1.2.4), so a hostile one chooses them itself, that of our own
// buffer for sending included. Here the smaller of both counts. What a server may send before its session is open is enough for the endpoints
// of a large one; what it may send then is enough for a thousand values of 4 KiB.

/** What becomes of a message is counted in the units of decode-budget.ts. */
export interface MessageLimits {
  readonly bytes: number;
  readonly units: number;
}

/** Nobody has proven anything yet. Forty endpoints with chains of certificates are some 150 KiB. */
export const limitsBeforeTrust: MessageLimits = { bytes: 256 * 1024, units: 8192 };
/** Decoded in less time than a neighbour may be late, to less memory than ten such servers may take together. */
export const limitsOfSession: MessageLimits = { bytes: 4 * 1024 * 1024, units: 131_072 };

/** The largest chunk; node-opcua's own choice. */
const bufferBytes = 10 * 65_536;
const bufferBytesBeforeTrust = 65_536;
/** Below this a chunk has no room for a message. */
const leastBufferBytes = 1024;
/** Of the smallest chunks that a server may insist on (7.1.2.3: 8192 bytes), half full. */
const chunksOf = ({ bytes }: MessageLimits): number => bytes / 4096;

interface TransportLimits {
  readonly maxMessageSize: number;
  readonly maxChunkCount: number;
  readonly receiveBufferSize: number;
  readonly sendBufferSize: number;
}

function settings(limits: MessageLimits, buffer: number): TransportLimits {
  return {
    maxMessageSize: limits.bytes,
    maxChunkCount: chunksOf(limits),
    receiveBufferSize: buffer,
    sendBufferSize: buffer,
  };
}

/** Said in the Hello: a server that has more to say answers BadResponseTooLarge, and is asked for less. */
export const settingsOfSession = settings(limitsOfSession, bufferBytes);
/** For a channel over which a server is only asked who it is. */
export const settingsOfDiscovery = settings(limitsBeforeTrust, bufferBytesBeforeTrust);

/** Zero stands for no limit. */
function atMost(acknowledged: number, limit: number): number {
  return acknowledged === 0 ? limit : Math.min(acknowledged, limit);
}

/** What holds on a connection, whatever the server acknowledges. */
export function withinOurs(acknowledged: TransportLimits, ours: Partial<TransportLimits>): TransportLimits {
  const { receiveBufferSize, sendBufferSize, maxMessageSize, maxChunkCount } = { ...settingsOfDiscovery, ...ours };
  return {
    receiveBufferSize: Math.max(leastBufferBytes, atMost(acknowledged.receiveBufferSize, receiveBufferSize)),
    sendBufferSize: Math.max(leastBufferBytes, atMost(acknowledged.sendBufferSize, sendBufferSize)),
    maxMessageSize: atMost(acknowledged.maxMessageSize, maxMessageSize),
    maxChunkCount: atMost(acknowledged.maxChunkCount, maxChunkCount),
  };
}
