// Chunks of a request that are no longer than it is. node-opcua makes a buffer for each chunk that it sends, as large as one may be: 64 KiB, or what else the server has agreed
// to, for a request of a hundred bytes. All that is garbage outside the heap, for which the runtime collects what is in it.
//
// tests/partition/protocols/opcua/channel/fitting-chunks.test.ts fails when the library changes underneath.

import { MessageChunker } from "node-opcua-client";

/** Headers, signature and padding of a chunk, with any symmetric policy (OPC 10000-6, 6.7.2). */
const mostBesideBody = 256;
let isDone = false;

/** Done with the first connection, and not with the import. */
export function fitChunks(): void {
  if (isDone) return;
  isDone = true;
  const prepareChunk = Reflect.get(MessageChunker.prototype, "prepareChunk");
  MessageChunker.prototype.prepareChunk = function (this: MessageChunker, kind, parameters, bodyBytes) {
    const { securityOptions } = parameters;
    const chunkSize = Math.min(securityOptions.chunkSize, bodyBytes + mostBesideBody);
    const fitting = kind === "MSG" ? { ...parameters, securityOptions: { ...securityOptions, chunkSize } } : parameters;
    return prepareChunk.call(this, kind, fitting, bodyBytes);
  };
}
