// Reads the directory of an image, with the steps from its header, and refuses one that contradicts itself: whoever follows its offsets
// afterwards stays inside the image.

import type { PlacedBlock } from "./bank-pair.ts";
import type { Directory, PlacedGroup, PlacedPoint, PlacedServer } from "./directory.ts";
import {
  block,
  blockAlignment,
  groupBlockBytes,
  groupEntry,
  header,
  minorWithEnumerations,
  minorWithPositions,
  pointEntry,
  poll,
  record,
  serverEntry,
  serverState,
} from "./layout.ts";

/** There is no image, or not the whole of one, or one that this reader does not know. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code = "NotAnImage";
}

/** Throws an ImageError. The caller has checked magic, byte order and version, and that the memory holds `imageBytes`. */
export function readDirectory(buffer: ArrayBufferLike): Directory {
  const view = new DataView(buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  const imageBytes = Number(view.getBigUint64(header.imageBytes, true));
  const pollBytes = u32(header.pollBytes);
  const recordBytes = u32(header.recordBytes);

  const table = (name: string, fields: readonly [offset: number, count: number, stride: number], least: number) => {
    const [start, count, stride] = fields.map(u32) as [number, number, number];
    demand(stride >= least && stride % 4 === 0, `an entry of the ${name} table has ${stride} bytes`);
    demand(start % 4 === 0 && start + count * stride <= imageBytes, `the ${name} table does not lie in it`);
    return { count, entry: (index: number) => start + index * stride };
  };
  const serverTable = table(
    "server",
    [header.serverTable, header.serverCount, header.serverEntryBytes],
    serverEntry.bytes,
  );
  const groupTable = table("group", [header.groupTable, header.groupCount, header.groupEntryBytes], groupEntry.bytes);
  const minorVersion = u32(header.version) & 0xffff;
  const hasPositions = minorVersion >= minorWithPositions;
  const hasEnumerations = minorVersion >= minorWithEnumerations;
  const leastWithPositions = hasEnumerations ? pointEntry.bytes : pointEntry.enumeration;
  const leastPointBytes = hasPositions ? leastWithPositions : pointEntry.serverPosition;
  const pointTable = table("point", [header.pointTable, header.pointCount, header.pointEntryBytes], leastPointBytes);
  demand(pollBytes >= poll.bytes && pollBytes % 8 === 0, `a poll header has ${pollBytes} bytes`);
  demand(recordBytes >= record.bytes && recordBytes % 8 === 0, `a record has ${recordBytes} bytes`);

  const textTableOffset = u32(header.textTable);
  const textBytes = u32(header.textBytes);
  demand(textTableOffset + textBytes <= imageBytes, "the texts do not lie in it");
  let textBytesSeen = 0;
  const text = (at: number): string => {
    const [start, bytes] = [u32(at), u32(at + 4)];
    const end = start + bytes - textTableOffset;
    demand(start >= textTableOffset && end < textBytes, "a text does not lie in the texts");
    // Tables of texts that overlap would make any amount of text out of a small image.
    textBytesSeen += bytes;
    demand(textBytesSeen < textBytes, "texts overlap");
    return Buffer.from(buffer, start, bytes).toString("utf8");
  };
  // Points share texts: what lies at one place is read and counted once.
  const sharedTexts = new Map<number, { readonly bytes: number; readonly content: string }>();
  const sharedText = (at: number): string => {
    const [start, bytes] = [u32(at), u32(at + 4)];
    const known = sharedTexts.get(start);
    if (known?.bytes === bytes) return known.content;
    const content = text(at);
    sharedTexts.set(start, { bytes, content });
    return content;
  };
  const placedBlock = (
    entry: number,
    fields: { readonly block: number; readonly banks: number },
    headBytes: number,
    bankBytes: number,
  ): PlacedBlock => {
    const [blockOffset, banksOffset] = [u32(entry + fields.block), u32(entry + fields.banks)];
    const isAligned = blockOffset % blockAlignment === 0 && banksOffset % 8 === 0 && bankBytes % 8 === 0;
    demand(isAligned && blockOffset + headBytes <= banksOffset, "a block overlaps its banks");
    demand(banksOffset + 2 * bankBytes <= imageBytes, "a bank does not lie in it");
    return { blockOffset, banksOffset, bankBytes };
  };

  // Every group and every point belongs to the one before it or to the next: nothing is read twice, whatever the tables say.
  let groupsSeen = 0;
  let pointsSeen = 0;
  let firstOfServer = 0;
  let roomBytesSeen = 0;
  const readPoint = (index: number, group: number, bankBytes: number): PlacedPoint => {
    const entry = pointTable.entry(index);
    demand(u32(entry + pointEntry.group) === group, "a point names another group");
    const [roomOffset, capacityBytes] = [u32(entry + pointEntry.room), u32(entry + pointEntry.capacityBytes)];
    demand(roomOffset + capacityBytes <= bankBytes, "the room of a point does not lie in its bank");
    // As with texts: rooms that overlap would make any number of values out of a small bank.
    roomBytesSeen += capacityBytes;
    demand(roomBytesSeen <= bankBytes, "the rooms of a group overlap");
    return {
      key: text(entry + pointEntry.key),
      description: text(entry + pointEntry.description),
      unit: text(entry + pointEntry.unit),
      source: text(entry + pointEntry.source),
      type: u32(entry + pointEntry.type) as PlacedPoint["type"],
      capacityBytes,
      roomOffset,
      ...enumerationOf(hasEnumerations ? sharedText(entry + pointEntry.enumeration) : ""),
      serverPosition: hasPositions ? u32(entry + pointEntry.serverPosition) : index - firstOfServer,
    };
  };
  const readGroup = (index: number, serverIndex: number): PlacedGroup => {
    const entry = groupTable.entry(index);
    const [firstPoint, pointCount] = [u32(entry + groupEntry.firstPoint), u32(entry + groupEntry.pointCount)];
    const bankBytes = u32(entry + groupEntry.bankBytes);
    demand(firstPoint === pointsSeen && pointCount <= pointTable.count - firstPoint, "the groups share points");
    demand(u32(entry + groupEntry.server) === serverIndex, "a group names another server");
    pointsSeen += pointCount;
    roomBytesSeen = 0;
    demand(pollBytes + pointCount * recordBytes <= bankBytes, "the records of a group do not lie in its bank");
    return {
      ...placedBlock(entry, groupEntry, groupBlockBytes, bankBytes),
      name: text(entry + groupEntry.name),
      index,
      serverIndex,
      firstPoint,
      intervalMs: u32(entry + groupEntry.intervalMs),
      points: Array.from({ length: pointCount }, (_, position) => readPoint(firstPoint + position, index, bankBytes)),
    };
  };
  const readServer = (index: number): PlacedServer => {
    const entry = serverTable.entry(index);
    const [firstGroup, groupCount] = [u32(entry + serverEntry.firstGroup), u32(entry + serverEntry.groupCount)];
    demand(firstGroup === groupsSeen && groupCount <= groupTable.count - groupsSeen, "the servers share groups");
    groupsSeen += groupCount;
    firstOfServer = pointsSeen;
    const bankBytes = u32(header.serverStateBytes);
    demand(bankBytes >= serverState.bytes, `the state of a server has ${bankBytes} bytes`);
    return {
      ...placedBlock(entry, serverEntry, block.bytes, bankBytes),
      alias: text(entry + serverEntry.alias),
      connection: {
        key: text(entry + serverEntry.connectionKey),
        description: text(entry + serverEntry.connectionDescription),
      },
      ...insecurityOf(u32(entry + serverEntry.security)),
      groups: Array.from({ length: groupCount }, (_, position) => readGroup(firstGroup + position, index)),
    };
  };

  const servers = Array.from({ length: serverTable.count }, (_, index) => readServer(index));
  return {
    servers,
    groups: servers.flatMap(({ groups }) => groups),
    pointCount: pointTable.count,
    textTableOffset,
    texts: new Uint8Array(buffer, textTableOffset, textBytes),
    imageBytes,
  };
}

function insecurityOf(security: number): { readonly isInsecure?: boolean } {
  return security === 0 ? {} : { isInsecure: security === 1 };
}

function enumerationOf(enumeration: string): { readonly enumeration?: string } {
  return enumeration === "" ? {} : { enumeration };
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new ImageError(`cannot read a process image because it contradicts itself: ${what}`);
}
