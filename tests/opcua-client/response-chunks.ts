// Responses as the chunks of a server without security (OPC 10000-6, 6.7), and what the channel of a client makes of such bytes.

import {
  MessageBuilder,
  MessageChunker,
  MessageSecurityMode,
  SecurityPolicy,
  SymmetricAlgorithmSecurityHeader,
} from "node-opcua-client";
import type { ReadResponse, StatusCode } from "node-opcua-client";

import "../../src/opcua-client/session/message-limits.ts";
import "../../src/opcua-client/session/silence.ts";

/** Chunk header, security token and sequence header (6.7.2). */
export const headerBytes = 24;

export function chunksOf(response: ReadResponse, chunkBytes: number): Buffer[] {
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
  readonly errors: readonly StatusCode[];
}

export function receive(chunks: readonly Buffer[]): Received {
  const messages: unknown[] = [];
  const errors: StatusCode[] = [];
  const builder = new MessageBuilder(
    { getDerivedKey: () => null },
    { name: "test", securityMode: MessageSecurityMode.None },
  );
  builder.securityPolicy = SecurityPolicy.None;
  builder.on("message", (message) => messages.push(message));
  builder.on("error", (_error, status) => errors.push(status));
  for (const chunk of chunks) builder.feed(chunk);
  builder.dispose();
  return { messages, errors };
}
