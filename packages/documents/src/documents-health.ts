// What the record of a service's documents says about them, as plain data.

import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import { documentFigures, type DocumentFigure } from "./document-figures.ts";
import { consumer, figureOffset, header, magicWords, nameBytes, RecordState } from "./record-layout.ts";

export interface DocumentsHealth {
  /** A process keeps the documents up to date. */
  readonly isAlive: boolean;
  /** The process that kept them ended in order: it is not missed. */
  readonly isEnded: boolean;
  readonly figures: Readonly<Record<DocumentFigure, number>>;
  /** Semaphores of all consumers. */
  readonly semaphores: readonly string[];
  /** Semaphores that are not used any more, because using them ended the process. */
  readonly unguarded: readonly string[];
}

const leastHeartbeatMs = 5000;

/** Undefined when there is no record. Throws a PosixError. */
export function documentsHealth(name: string, nowMs: number): DocumentsHealth | undefined {
  using object = SharedMemoryObject.openExisting(name, "read-only");
  if (object === undefined || object.sizeBytes() < header.bytes) return undefined;
  using mapping = object.map("read-only");
  const bytes = Buffer.from(mapping.buffer);
  if (!magicWords.every((word, index) => bytes.readUInt32LE(header.magic + 4 * index) === word)) return undefined;
  const heartbeatAgeMs = nowMs - Number(bytes.readBigInt64LE(header.heartbeatNs) / 1_000_000n);
  const figures = documentFigures.map((figure, index) => [figure, Number(bytes.readBigUInt64LE(figureOffset(index)))]);
  const room = Math.floor((bytes.length - header.bytes) / consumer.bytes);
  const semaphores: string[] = [];
  const unguarded: string[] = [];
  for (let index = 0; index < Math.min(room, bytes.readUInt32LE(header.consumers)); index++) {
    const at = header.bytes + index * consumer.bytes;
    const length = Math.min(nameBytes, bytes.readUInt32LE(at + consumer.nameLength));
    const semaphore = bytes.toString("utf8", at + consumer.name, at + consumer.name + length);
    semaphores.push(semaphore);
    if (bytes.readUInt32LE(at + consumer.isUnguarded) !== 0) unguarded.push(semaphore);
  }
  return {
    isAlive: object.isLocked() && Math.abs(heartbeatAgeMs) < leastHeartbeatMs,
    isEnded: bytes.readUInt32LE(header.state) === RecordState.ended,
    figures: Object.fromEntries(figures) as Record<DocumentFigure, number>,
    semaphores,
    unguarded,
  };
}
