// An image as another minor version would write it. A later one: every entry, poll header and record longer than today, the new bytes filled with
// garbage. An earlier one: shorter entries of the point table. A reader that takes the steps from the header reads the same values.

import { alignUp } from "../../packages/image/src/byte-layout.ts";
import {
  block,
  blockAlignment,
  groupBlockBytes,
  groupEntry,
  header,
  majorVersion,
  pointEntry,
  poll,
  record,
  serverEntry,
  serverState,
} from "../../packages/image/src/layout.ts";

interface OtherVersion {
  readonly minorVersion: number;
  /** To every entry, poll header and record. */
  readonly appended: number;
  readonly pointEntryBytes: number;
}

const later: OtherVersion = { minorVersion: 7, appended: 16, pointEntryBytes: pointEntry.bytes + 16 };
/** Its points have no position in the server. */
export const version20: OtherVersion = { minorVersion: 0, appended: 0, pointEntryBytes: pointEntry.serverPosition };
/** Its points have no enumeration. */
export const version21: OtherVersion = { minorVersion: 1, appended: 0, pointEntryBytes: pointEntry.enumeration };

export function restride(image: Uint8Array, { minorVersion, appended, pointEntryBytes } = later): Uint8Array {
  const from = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const u32 = (at: number): number => from.getUint32(at, true);
  const [serverCount, groupCount, pointCount] = [header.serverCount, header.groupCount, header.pointCount].map(u32) as [
    number,
    number,
    number,
  ];
  const target = new Uint8Array(2 * image.byteLength + 65_536).fill(0xa5);
  const to = new DataView(target.buffer);
  const copy = (start: number, bytes: number, at: number): void => target.set(image.subarray(start, start + bytes), at);

  const serverTable = header.bytes + appended;
  const groupTable = serverTable + serverCount * (serverEntry.bytes + appended);
  const pointTable = groupTable + groupCount * (groupEntry.bytes + appended);
  const textTable = pointTable + pointCount * pointEntryBytes;
  const moveTexts = (entry: number, ...texts: readonly number[]): void => {
    for (const text of texts)
      to.setUint32(entry + text, to.getUint32(entry + text, true) - u32(header.textTable) + textTable, true);
  };
  copy(0, header.bytes, 0);
  copy(u32(header.textTable), u32(header.textBytes), textTable);

  let end = textTable + u32(header.textBytes);
  /** Moves the head of a block and gives its new place and the places of its banks. */
  const moveBlock = (
    oldEntry: number,
    entry: number,
    fields: typeof serverEntry | typeof groupEntry,
    headBytes: number,
    bankBytes: number,
  ) => {
    const oldBanks = u32(oldEntry + fields.banks);
    const at = alignUp(end, blockAlignment);
    const banks = alignUp(at + headBytes, blockAlignment) + blockAlignment;
    end = banks + 2 * bankBytes;
    copy(u32(oldEntry + fields.block), headBytes, at);
    to.setUint32(entry + fields.block, at, true);
    to.setUint32(entry + fields.banks, banks, true);
    return { oldBanks, banks };
  };

  const stateBytes = serverState.bytes + blockAlignment;
  for (let server = 0; server < serverCount; server++) {
    const oldEntry = u32(header.serverTable) + server * serverEntry.bytes;
    const entry = serverTable + server * (serverEntry.bytes + appended);
    copy(oldEntry, serverEntry.bytes, entry);
    moveTexts(entry, serverEntry.alias, serverEntry.connectionKey, serverEntry.connectionDescription);
    const { oldBanks, banks } = moveBlock(oldEntry, entry, serverEntry, block.bytes, stateBytes);
    for (const bank of [0, 1]) copy(oldBanks + bank * serverState.bytes, serverState.bytes, banks + bank * stateBytes);
  }
  for (let group = 0; group < groupCount; group++) {
    const oldEntry = u32(header.groupTable) + group * groupEntry.bytes;
    const entry = groupTable + group * (groupEntry.bytes + appended);
    const [firstPoint, points] = [u32(oldEntry + groupEntry.firstPoint), u32(oldEntry + groupEntry.pointCount)];
    const oldBankBytes = u32(oldEntry + groupEntry.bankBytes);
    const shift = appended * (points + 1);
    const bankBytes = alignUp(oldBankBytes + shift, blockAlignment);
    copy(oldEntry, groupEntry.bytes, entry);
    moveTexts(entry, groupEntry.name);
    const { oldBanks, banks } = moveBlock(oldEntry, entry, groupEntry, groupBlockBytes, bankBytes);
    to.setUint32(entry + groupEntry.bankBytes, bankBytes, true);
    for (let n = 0; n < points; n++) {
      const point = pointTable + (firstPoint + n) * pointEntryBytes;
      const copied = Math.min(pointEntry.bytes, pointEntryBytes);
      copy(u32(header.pointTable) + (firstPoint + n) * pointEntry.bytes, copied, point);
      moveTexts(point, pointEntry.key, pointEntry.description, pointEntry.unit, pointEntry.source);
      if (pointEntryBytes > pointEntry.enumeration) moveTexts(point, pointEntry.enumeration);
      to.setUint32(point + pointEntry.room, to.getUint32(point + pointEntry.room, true) + shift, true);
    }
    for (const bank of [0, 1]) {
      const oldBank = oldBanks + bank * oldBankBytes;
      const newBank = banks + bank * bankBytes;
      copy(oldBank, poll.bytes, newBank);
      for (let n = 0; n < points; n++) {
        const at = newBank + poll.bytes + appended + n * (record.bytes + appended);
        copy(oldBank + poll.bytes + n * record.bytes, record.bytes, at);
      }
      const oldRooms = poll.bytes + points * record.bytes;
      copy(oldBank + oldRooms, oldBankBytes - oldRooms, newBank + oldRooms + shift);
    }
  }
  const imageBytes = alignUp(end, blockAlignment);
  for (const [field, value] of [
    [header.version, (majorVersion << 16) | minorVersion],
    [header.headerBytes, serverTable],
    [header.imageBytes, imageBytes],
    [header.serverTable, serverTable],
    [header.groupTable, groupTable],
    [header.pointTable, pointTable],
    [header.textTable, textTable],
    [header.serverEntryBytes, serverEntry.bytes + appended],
    [header.groupEntryBytes, groupEntry.bytes + appended],
    [header.pointEntryBytes, pointEntryBytes],
    [header.serverStateBytes, stateBytes],
    [header.pollBytes, poll.bytes + appended],
    [header.recordBytes, record.bytes + appended],
  ] as const)
    to.setUint32(field, value, true);
  return target.subarray(0, imageBytes);
}
