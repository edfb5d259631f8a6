// Responses as the chunks of a server without security (OPC 10000-6, 6.7), and what the channel of a client makes of such bytes.

import {
  DataType,
  DataValue,
  MessageBuilder,
  MessageChunker,
  MessageSecurityMode,
  ReadResponse,
  SecurityPolicy,
  SymmetricAlgorithmSecurityHeader,
  Variant,
} from "node-opcua-client";
import type { ServiceFault, StatusCode } from "node-opcua-client";

import { decodeTolerantly } from "../../../../../packages/partition/src/protocols/opcua/channel/tolerant-decoding.ts";
import { silenceNodeOpcUa } from "../../../../../packages/partition/src/protocols/opcua/silence.ts";

silenceNodeOpcUa();
decodeTolerantly();

/** Chunk header, security token and sequence header (6.7.2). */
export const headerBytes = 24;

export function chunksOf(response: ServiceFault, chunkBytes: number): Buffer[] {
  const chunks: Buffer[] = [];
  const params = {
    channelId: 1,
    securityHeader: new SymmetricAlgorithmSecurityHeader({ tokenId: 1 }),
    securityOptions: {
      requestId: 1,
      chunkSize: chunkBytes,
      cipherBlockSize: 0,
      plainBlockSize: 0,
      sequenceHeaderSize: 8,
      signatureLength: 0,
    },
  };
  const chunker = new MessageChunker({ securityMode: MessageSecurityMode.None });
  chunker.chunkSecureMessage("MSG", params, response, (chunk) => {
    if (chunk !== null) chunks.push(Buffer.from(chunk));
  });
  return chunks;
}

export interface Received {
  readonly messages: readonly unknown[];
  /** Before they are decoded. */
  readonly bodies: readonly Buffer[];
  readonly errors: readonly StatusCode[];
}

export function receive(chunks: readonly Buffer[]): Received {
  const messages: unknown[] = [];
  const errors: StatusCode[] = [];
  const bodies: Buffer[] = [];
  const builder = new MessageBuilder(
    { getDerivedKey: () => null },
    { name: "test", securityMode: MessageSecurityMode.None },
  );
  builder.securityPolicy = SecurityPolicy.None;
  builder.on("full_message_body", (body) => bodies.push(Buffer.from(body)));
  builder.on("message", (message) => messages.push(message));
  builder.on("error", (_error, status) => errors.push(status));
  for (const chunk of chunks) builder.feed(chunk);
  builder.dispose();
  return { messages, bodies, errors };
}

/** What becomes of a response with a Variant that looks like this, five bytes or more, whatever it means. */
export function receivedVariant(bytes: readonly number[]): Received {
  const result = new DataValue({});
  const value = Buffer.alloc(bytes.length - 5, 0xee);
  result.value = new Variant({ dataType: DataType.ByteString, value });
  const placeholder = Buffer.from([DataType.ByteString, value.length, 0, 0, 0, ...value]);
  const chunks = chunksOf(new ReadResponse({ results: [result] }), 65_536);
  for (const chunk of chunks) chunk.set(bytes, chunk.indexOf(placeholder));
  return receive(chunks);
}
