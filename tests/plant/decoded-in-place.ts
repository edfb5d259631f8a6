// Objects of node-opcua as a server sends them, and as they are decoded of it: as values that stay bytes.

import { ReadResponse, type DataValue } from "node-opcua-client";
import type { DataValues } from "../../packages/partition/src/protocols/opcua/channel/data-values.ts";
import { streamOver, type Stream } from "../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { ReadResults } from "../../packages/partition/src/protocols/opcua/channel/read-results.ts";

interface Encodable {
  binaryStoreSize(): number;
  encode(stream: Stream): void;
}

export function decodedAs<T extends { decode(stream: Stream): void }>(kind: new () => T, message: Encodable): T {
  const bytes = Buffer.alloc(message.binaryStoreSize());
  message.encode(streamOver(bytes));
  const decoded = new kind();
  decoded.decode(streamOver(bytes));
  return decoded;
}

export function dataValuesOf(...results: DataValue[]): DataValues {
  return decodedAs(ReadResults, new ReadResponse({ results })).values;
}
