// What a chunk on the wire is, as far as one can see that without its keys.

/** Numbers of the binary encodings (OPC 10000-6, A.3). */
const messages = {
  GetEndpointsRequest: 428,
  GetEndpointsResponse: 431,
  CreateSessionRequest: 461,
  ActivateSessionRequest: 467,
  ReadRequest: 631,
  ReadResponse: 634,
  PublishResponse: 829,
} as const;

/** "HEL", "ACK", "OPN", "CLO" are chunks of their own; the others are messages without security. */
export type Chunk = "HEL" | "ACK" | "OPN" | "CLO" | keyof typeof messages;

/** OPC 10000-6, 6.7.2: the head of a chunk, channel, token, sequence and request are before what it carries. */
export const bodyOffset = 24;
export const sequenceOffset = 16;
export const requestOffset = 20;

/** `bytes` begin with a chunk. */
export function isChunk(bytes: Buffer, chunk: Chunk): boolean {
  const kind = bytes.toString("latin1", 0, 3);
  if (kind !== "MSG") return kind === chunk;
  // A node id of four bytes, whose number is in the last two.
  return chunk in messages && bytes.readUInt16LE(bodyOffset + 2) === messages[chunk as keyof typeof messages];
}
