// What a reader must get over: extents that promise more than there is, and files that contradict themselves.

import { planDirectory } from "../../packages/image/src/directory.ts";
import { privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import { journalHeader } from "../../packages/image/src/journal-layout.ts";
import {
  ConnectionState,
  groupEntry,
  header,
  pointEntry,
  poll,
  record,
  serverEntry,
} from "../../packages/image/src/layout.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Value } from "../../packages/image/src/values/value.ts";
import type { Json } from "./json-form.ts";

const { Double, Int32, String: Text } = BuiltInType;
const most = 0xffff_ffff;

interface Clamped {
  readonly key: string;
  readonly given: Value;
  /** Words to be overwritten: in the record, and in the room. */
  readonly record?: Readonly<Record<number, number>>;
  readonly room?: Readonly<Record<number, number>>;
}

const length = record.value;
const elements = record.value + 4;
const clamped: readonly Clamped[] = [
  { key: "text longer than its room", given: { type: Text, value: "whole" }, record: { [length]: most - 1 } },
  { key: "more numbers than the length holds", given: { type: Int32, value: [1, 2, 3] }, record: { [elements]: most } },
  {
    key: "numbers longer than their room",
    given: { type: Int32, value: [1, 2] },
    record: { [length]: most - 7, [elements]: most },
  },
  { key: "fewer numbers than the length holds", given: { type: Int32, value: [1, 2, 3] }, record: { [elements]: 2 } },
  { key: "a length inside an element", given: { type: Double, value: [1, 2] }, record: { [length]: 12 } },
  { key: "more texts than the length holds", given: { type: Text, value: ["a", null] }, record: { [elements]: most } },
  { key: "a text beyond the end", given: { type: Text, value: ["a", "b"] }, room: { 8: 5 } },
  { key: "a text far beyond the end", given: { type: Text, value: ["a", "b"] }, room: { 8: most - 1 } },
  { key: "a length inside a length", given: { type: Text, value: ["a", "b"] }, record: { [length]: 10 } },
  {
    key: "dimensions that multiply up to more",
    given: { type: Int32, value: [1, 2], dimensions: [1, 2] },
    room: { 0: most, 4: most },
  },
  {
    key: "a matrix without room for its dimensions",
    given: { type: Int32, value: [1, 2], dimensions: [1, 2] },
    record: { [length]: 7 },
  },
];

/** An image whose values lie about their extents. It is read as far as the rooms go. */
export function clampedImage(): Uint8Array {
  const points = clamped.map(({ key, given }) => {
    return { key, description: "", unit: "", source: "", type: given.type, capacityBytes: 24 };
  });
  const groups = [{ name: "", intervalMs: 1000, points }];
  const directory = planDirectory([{ alias: "liar", connection: { key: "c", description: "" }, groups }]);
  const memory = privateMemory(directory.imageBytes);
  const writer = new ImageWriter({ service: "opcua", intervalMs: 1000 }, directory, memory);
  const block = writer.blocks[0]?.groups[0];
  const group = directory.groups[0];
  if (block === undefined || group === undefined) throw new TypeError("the image has no group");
  for (let bank = 0; bank < 2; bank++) {
    block.begin();
    for (const [index, { given }] of clamped.entries()) block.setValue(index, given, StatusCode.Good);
    block.publish(ConnectionState.connected, 1);
  }
  const bytes = new Uint8Array(memory.buffer).slice();
  const view = new DataView(bytes.buffer);
  const put = (at: number, words: Readonly<Record<number, number>> = {}): void => {
    for (const [offset, word] of Object.entries(words)) view.setUint32(at + Number(offset), word, true);
  };
  for (const bank of [0, 1]) {
    const start = group.banksOffset + bank * group.bankBytes;
    for (const [index, { record: inRecord, room }] of clamped.entries()) {
      put(start + poll.bytes + index * record.bytes, inRecord);
      put(start + (group.points[index]?.roomOffset ?? 0), room);
    }
  }
  view.setUint32(header.pid, 4242, true);
  return bytes;
}

type Patch = readonly [offset: number, word: number];

/** Changes of the two files, each of which a reader must refuse. */
export function spoiltFiles(image: Uint8Array, journal: Uint8Array): Json {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const [server, group, point] = [header.serverTable, header.groupTable, header.pointTable].map(u32) as [
    number,
    number,
    number,
  ];
  const spoilt = (what: string, file: string, patches: readonly Patch[], size?: number): Json => ({
    what,
    file,
    words: patches,
    ...(size === undefined ? {} : { size }),
  });
  const images: readonly (readonly [what: string, patches: readonly Patch[], size?: number])[] = [
    ["no magic", [[header.magic, 0]]],
    ["half a magic", [[header.magic + 4, 0]]],
    ["the other byte order", [[header.byteOrder, 0x04030201]]],
    ["major version 1", [[header.version, 0x00010000]]],
    ["major version 3", [[header.version, 0x00030000]]],
    ["the file ends before the image", [], image.length - 64],
    ["the file ends within the header", [], 100],
    ["an empty file", [], 0],
    ["imageBytes larger than the file", [[header.imageBytes + 4, 1]]],
    ["imageBytes 0", [[header.imageBytes, 0]]],
    ["serverEntryBytes 0", [[header.serverEntryBytes, 0]]],
    ["groupEntryBytes 0", [[header.groupEntryBytes, 0]]],
    ["pointEntryBytes 0", [[header.pointEntryBytes, 0]]],
    ["pointEntryBytes smaller than an entry", [[header.pointEntryBytes, pointEntry.bytes - 4]]],
    ["serverStateBytes 0", [[header.serverStateBytes, 0]]],
    ["pollBytes 0", [[header.pollBytes, 0]]],
    ["recordBytes 0", [[header.recordBytes, 0]]],
    ["recordBytes smaller than a record", [[header.recordBytes, record.bytes - 8]]],
    ["recordBytes larger than the bank", [[header.recordBytes, 0x7ffffff8]]],
    ["a server table without end", [[header.serverCount, most]]],
    ["a group table without end", [[header.groupCount, most]]],
    ["a point table without end", [[header.pointCount, most]]],
    ["a point table behind the image", [[header.pointTable, most - 3]]],
    ["a text behind the image", [[server + serverEntry.alias, most]]],
    ["a text without end", [[point + pointEntry.key + 4, most]]],
    [
      "texts that are all the texts",
      [0, 1, 2, 3, 4, 5].flatMap((index): readonly Patch[] => {
        const entry = point + index * pointEntry.bytes;
        return [
          [entry + pointEntry.key, u32(header.textTable)],
          [entry + pointEntry.key + 4, u32(header.textBytes) - 1],
        ];
      }),
    ],
    ["a server's block behind the image", [[server + serverEntry.block, most - 63]]],
    ["a server's banks behind the image", [[server + serverEntry.banks, image.length - 64]]],
    ["a server's block on no multiple of 64", [[server + serverEntry.block, u32(server + serverEntry.block) + 8]]],
    ["a group's block behind its banks", [[group + groupEntry.block, u32(group + groupEntry.banks)]]],
    ["a group's banks behind the image", [[group + groupEntry.bankBytes, 0x7fffffc0]]],
    ["a group's bank smaller than its records", [[group + groupEntry.bankBytes, poll.bytes]]],
    ["a group of another server", [[group + groupEntry.server, 2]]],
    ["groups that share points", [[group + groupEntry.bytes + groupEntry.firstPoint, 0]]],
    ["servers that share groups", [[server + serverEntry.bytes + serverEntry.firstGroup, 0]]],
    ["more points than there are", [[group + groupEntry.pointCount, 0x01000000]]],
    ["a point of another group", [[point + pointEntry.group, 1]]],
    ["a room behind the bank", [[point + pointEntry.room, most - 7]]],
    ["a room longer than the bank", [[point + pointEntry.capacityBytes, most]]],
    [
      "rooms that are all the bank",
      [0, 1].flatMap((index): readonly Patch[] => {
        const entry = point + index * pointEntry.bytes;
        return [
          [entry + pointEntry.room, 0],
          [entry + pointEntry.capacityBytes, u32(group + groupEntry.bankBytes)],
        ];
      }),
    ],
  ];
  const ring = journalHeader.ringBytes;
  const ringBytes = new DataView(journal.buffer, journal.byteOffset).getUint32(ring, true);
  const journals: readonly (readonly [what: string, patches: readonly Patch[], size?: number])[] = [
    ["no magic", [[journalHeader.magic, 0]]],
    ["the other byte order", [[journalHeader.byteOrder, 0x04030201]]],
    ["major version 2", [[journalHeader.version, 0x00020000]]],
    ["the file ends before the ring", [], journal.length - 8],
    ["the file ends within the header", [], 100],
    ["headerBytes 0", [[journalHeader.headerBytes, 0]]],
    ["ringBytes 0", [[ring, 0]]],
    ["ringBytes on no multiple of 4096", [[ring, 4096 + 64]]],
    ["ringBytes without end", [[ring + 4, most]]],
    [
      "a last record that is none",
      [
        [journalHeader.lastRecord, 4],
        [journalHeader.lastRecord + 4, 0],
      ],
    ],
    [
      "a last record behind all that was written",
      [
        [journalHeader.lastRecord, 2 * ringBytes],
        [journalHeader.lastRecord + 4, 0],
      ],
    ],
  ];
  return [
    ...images.map(([what, patches, size]) => spoilt(what, "plant.image", patches, size)),
    ...journals.map(([what, patches, size]) => spoilt(what, "changes.journal", patches, size)),
  ];
}
