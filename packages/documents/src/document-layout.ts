// The document of one generation and state: all its bytes, with room for every entry and, in it, a slot of fixed width for its value.
// White space is free in JSON, so a value shorter than its slot is padded in front, an entry shorter than its room behind, an entry
// that is left out is blank with its comma, and a later cycle overwrites slots or entries and moves nothing.
//
//   {"<connection key>":{"value":true,...},"<key>":{"value":[  slot  ],"varType":"UInt16","description":"..."}   ,...}
//
// A layout holds as long as every connection stays what it was and every entry fits its room.

import type { BankReader } from "@cpc-partition/image/bank-reader";
import { ConnectionState } from "@cpc-partition/image/layout";
import { connectionEntry, pointEntry } from "./document-entry.ts";
import type { DocumentForm } from "./document-form.ts";
import type { EntryTypes } from "./entry-types.ts";

const space = 0x20;

/** What one group looked like when its entries were written, and where they are. */
export interface GroupSlots {
  readonly isConnected: boolean;
  /** For each point that can be in the document: */
  readonly status: Uint32Array;
  /** Built-in type and shape, as in the record. */
  readonly kind: Uint16Array;
  readonly content: Uint8Array;
  /** The entry with its comma; the room is 0 for one that was never there. */
  readonly start: Uint32Array;
  readonly room: Uint32Array;
  readonly slotStart: Uint32Array;
  readonly slotWidth: Uint32Array;
}

export interface DocumentLayout {
  /** The document; values are not filled in yet. */
  readonly bytes: Buffer;
  readonly groups: readonly GroupSlots[];
  readonly missingEntries: number;
}

export interface LayoutOptions {
  readonly form: DocumentForm;
  readonly types: EntryTypes;
  /** Somebody keeps the image up to date; else every connection is shown as closed. */
  readonly isLive: boolean;
  readonly withDescriptions: boolean;
  /** When not everything fits, each group keeps its share of the points, and a last entry says how many are missing. */
  readonly limitBytes: number;
  /** Entries keep the room that they had here. */
  readonly before: readonly GroupSlots[];
}

interface GroupPart {
  /** Of its server, before the first of its groups: with the comma before it, but for the first of all. */
  readonly connection: Buffer;
  readonly entries: readonly Buffer[];
  readonly slots: GroupSlots;
}

/** Of the server that the bank belongs to: the document says that it is connected, and has values. */
export function isShown(bank: BankReader, isLive: boolean): boolean {
  return isLive && bank.connection === ConnectionState.connected;
}

/** `banks`: of each group, in order. */
export function layOut(banks: readonly BankReader[], options: LayoutOptions): DocumentLayout {
  const parts = banks.map((bank, index) => partOf(bank, index, options));
  const { points, connections, missing, missingText } = whatFits(parts, options.limitBytes);
  if (options.limitBytes < 2)
    return { bytes: Buffer.alloc(0), groups: parts.map(withoutPoints), missingEntries: missing };
  const kept = parts.map((part, index) => ({ ...part, points: index < connections ? (points[index] ?? 0) : 0 }));
  let end = 1;
  for (const [index, part] of kept.entries()) {
    if (index < connections) end += part.connection.length;
    for (let point = 0; point < part.entries.length; point++) {
      if (point >= part.points) forgetPoint(part.slots, point);
      part.slots.start[point] = end;
      part.slots.slotStart[point] = end + (part.slots.slotStart[point] as number);
      end += part.slots.room[point] as number;
    }
  }
  const last = Buffer.from(`${missingText}}`);
  const bytes = Buffer.alloc(end + last.length, space);
  bytes.write("{");
  let at = 1;
  for (const [index, { connection, entries, slots }] of kept.entries()) {
    if (index < connections) at += connection.copy(bytes, at);
    for (const [point, entry] of entries.entries()) {
      const room = slots.room[point] as number;
      if (room > 0) entry.copy(bytes, at);
      at += room;
    }
  }
  last.copy(bytes, end);
  return { bytes, groups: parts.map(({ slots }) => slots), missingEntries: missing };
}

function partOf(bank: BankReader, groupIndex: number, options: LayoutOptions): GroupPart {
  const { server, points } = bank;
  const isConnected = isShown(bank, options.isLive);
  const count = isConnected ? points.length : 0;
  const slots = {
    isConnected,
    status: new Uint32Array(count),
    kind: new Uint16Array(count),
    content: new Uint8Array(count),
    start: new Uint32Array(count),
    room: new Uint32Array(count),
    slotStart: new Uint32Array(count),
    slotWidth: new Uint32Array(count),
  };
  const roomBefore = options.before[groupIndex]?.room;
  const entries: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const entry = pointEntry(bank, index, options.form, options.types, options.withDescriptions);
    const bytes = Buffer.from(entry.text);
    entries.push(bytes);
    slots.status[index] = bank.status(index);
    slots.kind[index] = bank.kind(index);
    slots.content[index] = entry.content;
    slots.room[index] = Math.max(bytes.length, roomBefore?.[index] ?? 0);
    slots.slotStart[index] = entry.slotOffset;
    slots.slotWidth[index] = entry.slotWidth;
  }
  const isFirst = server.groups[0] === bank.group;
  const description = options.withDescriptions ? server.connection.description : "";
  const head = isFirst ? connectionEntry(server.connection.key, isConnected, description) : "";
  return { connection: Buffer.from(groupIndex === 0 || !isFirst ? head : `,${head}`), entries, slots };
}

interface Fitting {
  /** Of each group, how many of its points, from the first on. */
  readonly points: readonly number[];
  /** How many groups have what is before their points. */
  readonly connections: number;
  /** Entries that are missing, and the entry that says so, "" for none. */
  readonly missing: number;
  readonly missingText: string;
}

/** Connections come first: that one is closed must reach whoever relies on it. */
function whatFits(parts: readonly GroupPart[], limitBytes: number): Fitting {
  const needs = parts.map(({ slots }) => slots.room.reduce((sum, room) => sum + room, 0));
  const need = needs.reduce((sum, bytes) => sum + bytes, 0);
  const connectionBytes = parts.reduce((sum, { connection }) => sum + connection.length, 2);
  if (connectionBytes + need <= limitBytes) {
    return { points: needs.map(() => Infinity), connections: parts.length, missing: 0, missingText: "" };
  }
  const all = parts.reduce((sum, part) => sum + 1 + shownEntries(part, 0), 0);
  const spareBytes = limitBytes - connectionBytes - missingEntry(all).length;
  if (spareBytes < 0) return onlyConnections(parts, limitBytes, all);
  const points = parts.map(({ slots }, index) => {
    const shareBytes = Math.floor((spareBytes * (needs[index] ?? 0)) / need);
    let bytes = 0;
    const first = slots.room.findIndex((room) => (bytes += room) > shareBytes);
    return first < 0 ? slots.room.length : first;
  });
  const missing = parts.reduce((sum, part, index) => sum + shownEntries(part, points[index] ?? 0), 0);
  return { points, connections: parts.length, missing, missingText: missing === 0 ? "" : missingEntry(missing) };
}

function onlyConnections(parts: readonly GroupPart[], limitBytes: number, all: number): Fitting {
  let bytes = 2;
  const first = parts.findIndex(({ connection }) => (bytes += connection.length) > limitBytes);
  const connections = first < 0 ? parts.length : first;
  const keptBytes = parts.slice(0, connections).reduce((sum, { connection }) => sum + connection.length, 2);
  const missing = all - connections;
  const text = missingEntry(missing, connections === 0 ? "" : ",");
  const missingText = missing > 0 && keptBytes + text.length <= limitBytes ? text : "";
  return { points: parts.map(() => 0), connections, missing, missingText };
}

function shownEntries({ entries }: GroupPart, from: number): number {
  return entries.slice(from).filter(({ length }) => length > 0).length;
}

function forgetPoint(slots: GroupSlots, index: number): void {
  slots.content[index] = 0;
  slots.room[index] = 0;
  slots.slotWidth[index] = 0;
}

function withoutPoints({ slots }: GroupPart): GroupSlots {
  for (const index of slots.room.keys()) forgetPoint(slots, index);
  return slots;
}

/** The last entry of a document that does not fit. */
function missingEntry(missing: number, before = ","): string {
  const description = "Entries left out because the shared memory is too small; the log names the size needed";
  return `${before}"Entries missing":{"value":${missing},"varType":"UInt32","description":"${description}"}`;
}
