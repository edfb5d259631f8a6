// An OPC UA server without security that speaks byte by byte as a test wants: it acknowledges, opens a channel, and answers the first request,
// GetEndpoints, with whatever it is given. Nobody has trusted it when it does.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

/** OPC 10000-6, A.3. */
const typeIds = { openSecureChannelResponse: 449, getEndpointsResponse: 431 } as const;

export interface Rogue {
  readonly port: number;
  readonly url: string;
  /** How often GetEndpoints was answered. */
  readonly answered: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * What it sends, whole chunks. `requestId` is that of the request, `nextSequence` gives the number of the next chunk, `request` is the type of
 * a request that is none of Hello and OpenSecureChannel.
 */
export type Answer = (requestId: number, nextSequence: () => number, request: number) => readonly Buffer[];

export interface Answers {
  readonly hello: Answer;
  readonly opening: Answer;
  /** To whatever is asked once the channel is open: GetEndpoints first. */
  readonly endpoints: Answer;
}

/** Says what an honest server without endpoints says, but for these. */
export async function startRogue(changes: Partial<Answers>): Promise<Rogue> {
  const answers: Answers = { ...honest, ...changes };
  const sockets = new Set<Socket>();
  let answered = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let sequence = 0;
    const nextSequence = (): number => ++sequence;
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      const kind = bytes.toString("latin1", 0, 3);
      if (kind === "MSG") answered++;
      for (const one of answersOf(kind, bytes, answers, nextSequence)) socket.write(one);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `opc.tcp://127.0.0.1:${port}`,
    get answered() {
      return answered;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function answersOf(kind: string, request: Buffer, answers: Answers, nextSequence: () => number): readonly Buffer[] {
  if (kind === "HEL") return answers.hello(0, nextSequence, 0);
  if (kind === "OPN") return answers.opening(request.readUInt32LE(openingRequestOffset(request) + 4), nextSequence, 0);
  return kind === "MSG" ? answers.endpoints(request.readUInt32LE(20), nextSequence, request.readUInt16LE(26)) : [];
}

const channelId = 1;
const tokenId = 1;
const most = 0xffff_ffff;

/** OPC 10000-6, 7.1.2.4: version, buffers, message size, chunk count: as many as can be. */
function acknowledge(): readonly Buffer[] {
  return [chunk("ACK", words(0, 0x100000, 0x100000, 0, 0))];
}

/** Policy, certificate and thumbprint come before the sequence number. */
function openingRequestOffset(bytes: Buffer): number {
  let offset = 12;
  for (let field = 0; field < 3; field++) offset += 4 + Math.max(0, bytes.readInt32LE(offset));
  return offset;
}

const noSecurity = "http://opcfoundation.org/UA/SecurityPolicy#None";

function opening(requestId: number, nextSequence: () => number): readonly Buffer[] {
  const body = [
    typeId(typeIds.openSecureChannelResponse),
    header(requestId),
    words(0, channelId, tokenId),
    Buffer.alloc(8),
    words(3_600_000, most),
  ];
  return [chunk("OPN", words(channelId), text(noSecurity), words(most, most, nextSequence(), requestId), ...body)];
}

export const honest: Answers = {
  hello: acknowledge,
  opening,
  endpoints: endpointsAnswer(Buffer.concat([header(0), words(0)])),
};

/** What follows the type id: a header and endpoints. */
export function endpointsAnswer(rest: Buffer): Answer {
  const message = Buffer.concat([typeId(typeIds.getEndpointsResponse), rest]);
  return (requestId, nextSequence) => messageChunks(message, requestId, nextSequence);
}

/** A message with its type, in chunks of 64 KiB. */
export function messageChunks(message: Buffer, requestId: number, nextSequence: () => number): Buffer[] {
  const chunkBytes = 65_536 - 24;
  return Array.from({ length: Math.ceil(message.length / chunkBytes) }, (_, index) => {
    const part = message.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    const made = chunk("MSG", words(channelId, tokenId, nextSequence(), requestId), part);
    if ((index + 1) * chunkBytes < message.length) made.write("C", 3, "latin1");
    return made;
  });
}

/** Timestamp, handle, result, diagnostics, string table, additional header. */
export function header(requestId: number, ...rest: readonly Buffer[]): Buffer {
  const fixed = [Buffer.alloc(8), words(requestId, 0)];
  return Buffer.concat([...fixed, ...(rest.length > 0 ? rest : [Buffer.from([0]), words(most), Buffer.alloc(3)])]);
}

export function typeId(id: number): Buffer {
  return Buffer.from([1, 0, id & 0xff, id >> 8]);
}

export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, 4 * index));
  return bytes;
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([words(bytes.length), bytes]);
}

export function chunk(kind: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(`${kind}F`, "latin1"), words(8 + body.length), body]);
}

/** Four arrays of so many empty DataValues in the additional header of a response: a byte each. */
export function additionalHeaderBomb(elements: number): Buffer {
  const array = Buffer.concat([Buffer.from([0x80 | 23]), words(elements), Buffer.alloc(elements)]);
  const pair = Buffer.concat([Buffer.from([0, 0]), text("bomb"), array]);
  const body = Buffer.concat([words(4), pair, pair, pair, pair]);
  const additional = Buffer.concat([typeId(17_537), Buffer.from([1]), text(body)]);
  return Buffer.concat([header(0, Buffer.from([0]), words(most), additional), words(most)]);
}
