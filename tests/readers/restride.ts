// An image as a later minor version would write it: every entry, poll header and record longer than today, the new bytes filled
// with garbage. A reader that takes the steps from the header reads the same values.

import {
  alignUp,
  block,
  blockAlignment,
  header,
  majorVersion,
  pointEntry,
  poll,
  record,
  serverEntry,
} from "../../packages/image/src/layout.ts";

const appended = 16;

export function restride(image: Uint8Array): Uint8Array {
  const from = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const u32 = (at: number): number => from.getUint32(at, true);
  const serverCount = u32(header.serverCount);
  const pointCount = u32(header.pointCount);
  const target = new Uint8Array(2 * image.byteLength + 4096).fill(0xa5);
  const to = new DataView(target.buffer);
  const copy = (start: number, bytes: number, at: number): void => target.set(image.subarray(start, start + bytes), at);

  const serverTable = header.bytes + appended;
  const pointTable = serverTable + serverCount * (serverEntry.bytes + appended);
  const textTable = pointTable + pointCount * (pointEntry.bytes + appended);
  const moveTexts = (entry: number): void => {
    for (const text of [0, 8, 16])
      to.setUint32(entry + text, to.getUint32(entry + text, true) - u32(header.textTable) + textTable, true);
  };
  copy(0, header.bytes, 0);
  copy(u32(header.textTable), u32(header.textBytes), textTable);

  let end = textTable + u32(header.textBytes);
  for (let server = 0; server < serverCount; server++) {
    const oldEntry = u32(header.serverTable) + server * serverEntry.bytes;
    const entry = serverTable + server * (serverEntry.bytes + appended);
    const [firstPoint, points] = [u32(oldEntry + serverEntry.firstPoint), u32(oldEntry + serverEntry.pointCount)];
    const [oldBlock, oldBankBytes] = [u32(oldEntry + serverEntry.block), u32(oldEntry + serverEntry.bankBytes)];
    const shift = appended * (points + 1);
    const bankBytes = alignUp(oldBankBytes + shift, blockAlignment);
    const newBlock = alignUp(end, blockAlignment);
    const banks = block.banks + blockAlignment;
    end = newBlock + banks + 2 * bankBytes;
    copy(oldEntry, serverEntry.bytes, entry);
    moveTexts(entry);
    to.setUint32(entry + serverEntry.block, newBlock, true);
    to.setUint32(entry + serverEntry.bankBytes, bankBytes, true);
    for (let n = 0; n < points; n++) {
      const point = pointTable + (firstPoint + n) * (pointEntry.bytes + appended);
      copy(u32(header.pointTable) + (firstPoint + n) * pointEntry.bytes, pointEntry.bytes, point);
      moveTexts(point);
      to.setUint32(point + pointEntry.room, to.getUint32(point + pointEntry.room, true) + shift, true);
    }
    copy(oldBlock, block.banks, newBlock);
    for (const bank of [0, 1]) {
      const oldBank = oldBlock + block.banks + bank * oldBankBytes;
      const newBank = newBlock + banks + bank * bankBytes;
      copy(oldBank, poll.bytes, newBank);
      for (let n = 0; n < points; n++) {
        const at = newBank + poll.bytes + appended + n * (record.bytes + appended);
        copy(oldBank + poll.bytes + n * record.bytes, record.bytes, at);
      }
      const oldRooms = poll.bytes + points * record.bytes;
      copy(oldBank + oldRooms, oldBankBytes - oldRooms, newBank + oldRooms + shift);
    }
  }
  for (const [field, value] of [
    [header.version, (majorVersion << 16) | 7],
    [header.headerBytes, serverTable],
    [header.imageBytes, alignUp(end, blockAlignment)],
    [header.serverTable, serverTable],
    [header.pointTable, pointTable],
    [header.textTable, textTable],
    [header.serverEntryBytes, serverEntry.bytes + appended],
    [header.pointEntryBytes, pointEntry.bytes + appended],
    [header.banksOffset, block.banks + blockAlignment],
    [header.pollBytes, poll.bytes + appended],
    [header.recordBytes, record.bytes + appended],
  ] as const)
    to.setUint32(field, value, true);
  return target.subarray(0, alignUp(end, blockAlignment));
}
