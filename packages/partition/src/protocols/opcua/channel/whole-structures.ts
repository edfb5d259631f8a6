// Structures of the standard are decoded with their message. When that fails, node-opcua goes on behind the structure and shows what it had
// decoded until then, as if it were whole; also when the structure has more bytes, or fewer, than its type. Such a structure is remembered here, and no value of it is shown.
//
// tests/partition/protocols/opcua/channel/whole-structures.test.ts fails when the library changes underneath.

import { ReadValueId } from "node-opcua-client";
import type { Stream } from "./decode-budget.ts";

interface Decodable {
  decode(stream: Stream): void;
}

const broken = new WeakSet<object>();
/** The length of the body stands right before it (OPC 10000-6, 5.2.2.15). */
const lengthBytes = 4;
let isDone = false;

/** Only a part of it was decoded, or something else than what was sent. */
export function isBroken(structure: object): boolean {
  return broken.has(structure);
}

/** Done with the first connection, and not with the import. */
export function rememberBrokenStructures(): void {
  if (isDone) return;
  isDone = true;
  // The factory of all structures of the standard, which the library shows only here.
  const factory = new ReadValueId({}).schema.getDataTypeFactory();
  const construct = factory.constructObject.bind(factory);
  factory.constructObject = (encoding) => {
    const structure = construct(encoding);
    watch(structure);
    return structure;
  };
}

function watch(structure: Decodable): void {
  const decode = structure.decode.bind(structure);
  const watched = (stream: Stream): void => {
    const start = stream.length;
    const end = start < lengthBytes ? start : start + stream.buffer.readUInt32LE(start - lengthBytes);
    // Until it is whole.
    broken.add(structure);
    decode(stream);
    if (stream.length === end) broken.delete(structure);
  };
  Object.defineProperty(structure, "decode", { value: watched, configurable: true });
}
