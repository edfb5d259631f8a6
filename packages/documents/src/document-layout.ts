// The document of one generation and state: all its bytes, with room for every entry and, in it, a slot of fixed width for its value.
// White space is free in JSON, so a value shorter than its slot is padded in front, an entry shorter than its room behind, an entry
// that is left out is blank with its comma, and a later cycle overwrites slots or entries and moves nothing.
//
//   {"<connection key>":{"value":true,...},"<key>":{"value":[  slot  ],"varType":"UInt16","description":"..."}   ,...}
//
// The points of a server stand in the order of the configuration, also when they are of several groups. Its connection is shown as open when
// one of them is. A layout holds as long as every group's connection stays what it was and every entry fits its room.

import type { BankReader } from "@cpc-partition/image/bank-reader";
import type { PlacedServer } from "@cpc-partition/image/directory";
import { ConnectionState } from "@cpc-partition/image/layout";
import { inServerOrder } from "@cpc-partition/image/server-order";
import { connectionEntry, pointEntry } from "./document-entry.ts";
import type { DocumentForm } from "./document-form.ts";
import { shareOut, type Kept } from "./document-shares.ts";
import type { EntryTypes } from "./entry-types.ts";

const space = 0x20;

/** What one group looked like when its entries were written, and where they are. */
export interface GroupSlots {
  readonly isConnected: boolean;
  readonly withDescriptions: boolean;
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
  /** Some entries are there without their description. */
  readonly lacksDescriptions: boolean;
}

export interface LayoutOptions {
  readonly form: DocumentForm;
  readonly types: EntryTypes;
  /** Somebody keeps the image up to date; else every connection is shown as closed. */
  readonly isLive: boolean;
  /** When not everything fits, each group keeps its share (document-shares.ts), and a last entry says how many entries are missing. */
  readonly limitBytes: number;
  /** Entries keep the room that they had here. */
  readonly before: readonly GroupSlots[];
}

interface GroupPart {
  readonly bank: BankReader;
  /** Of its server, before the first of its groups: with the comma before it, but for the first of all. */
  readonly connection: Buffer;
  readonly entries: readonly Buffer[];
  readonly slots: GroupSlots;
}

/** The document has the values of this group, and says that its server is connected. */
export function isShown(bank: BankReader, isLive: boolean): boolean {
  return isLive && bank.connection === ConnectionState.connected;
}

/** `banks`: of each group, in order. */
export function layOut(banks: readonly BankReader[], options: LayoutOptions): DocumentLayout {
  const openServers = new Set(banks.filter((bank) => isShown(bank, options.isLive)).map(({ server }) => server));
  const whole = banks.map((bank, index) => partOf(bank, index, openServers, options, true));
  if (bytesOf(whole) <= options.limitBytes) return assembled(whole, "", 0);
  const bare = banks.map((bank, index) => partOf(bank, index, openServers, options, false));
  const missingBytes = missingEntry(bare.reduce((sum, part) => sum + 1 + shownPoints(part), 0)).length;
  const needs = whole.map(({ entries }, group) => ({
    whole: lengths(entries),
    bare: lengths(bare[group]?.entries ?? []),
  }));
  // Descriptions go before values, those of connections too.
  for (const heads of [whole, bare]) {
    const spareBytes = options.limitBytes - missingBytes - connectionBytesOf(heads);
    if (spareBytes < 0) continue;
    const { kept, isTight } = shareOut(needs, spareBytes);
    if (heads === bare || !isTight) return shared(heads, whole, bare, kept);
  }
  return onlyConnections(bare, options.limitBytes);
}

function lengths(entries: readonly Buffer[]): number[] {
  return entries.map(({ length }) => length);
}

/** `heads` has the connection entries. */
function shared(
  heads: readonly GroupPart[],
  whole: readonly GroupPart[],
  bare: readonly GroupPart[],
  kept: readonly (readonly Kept[])[],
): DocumentLayout {
  let missing = 0;
  const parts = heads.map(({ connection }, group) => {
    const chosen = (kept[group]?.includes("bare") === true ? bare : whole)[group] as GroupPart;
    for (const [index, how] of (kept[group] ?? []).entries()) {
      if (how !== "missing") continue;
      missing += (chosen.entries[index] as Buffer).length > 0 ? 1 : 0;
      forgetPoint(chosen.slots, index);
    }
    return { ...chosen, connection };
  });
  return assembled(parts, missing === 0 ? "" : missingEntry(missing), missing);
}

/** The parts of one server after another; an entry whose room is 0 is left out. */
function assembled(parts: readonly GroupPart[], missingText: string, missingEntries: number): DocumentLayout {
  const last = Buffer.from(`${missingText}}`);
  const bytes = Buffer.alloc(bytesOf(parts) - 1 + last.length, space);
  bytes.write("{");
  let at = 1;
  for (const ofServer of Map.groupBy(parts, ({ bank }) => bank.server).values()) {
    for (const { connection } of ofServer) at += connection.copy(bytes, at);
    const visit = (group: number, point: number): void => {
      const { entries, slots } = ofServer[group] as GroupPart;
      const room = slots.room[point] ?? 0;
      if (room > 0) entries[point]?.copy(bytes, at);
      slots.start[point] = at;
      slots.slotStart[point] = at + (slots.slotStart[point] ?? 0);
      at += room;
    };
    inServerOrder(
      ofServer.map(({ bank }) => bank),
      visit,
    );
  }
  last.copy(bytes, at);
  const lacksDescriptions = parts.some(({ slots }) => !slots.withDescriptions);
  return { bytes, groups: parts.map(({ slots }) => slots), missingEntries, lacksDescriptions };
}

/** With both braces. */
function bytesOf(parts: readonly GroupPart[]): number {
  return parts.reduce(
    (sum, { slots }) => sum + slots.room.reduce((bytes, room) => bytes + room, 0),
    connectionBytesOf(parts),
  );
}

function connectionBytesOf(parts: readonly GroupPart[]): number {
  return parts.reduce((sum, { connection }) => sum + connection.length, 2);
}

function partOf(
  bank: BankReader,
  groupIndex: number,
  openServers: ReadonlySet<PlacedServer>,
  options: LayoutOptions,
  withDescriptions: boolean,
): GroupPart {
  const { server, points } = bank;
  const isConnected = isShown(bank, options.isLive);
  const count = isConnected ? points.length : 0;
  const slots = {
    isConnected,
    withDescriptions,
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
    const entry = pointEntry(bank, index, options.form, options.types, withDescriptions);
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
  const description = withDescriptions ? server.connection.description : "";
  const head = isFirst ? connectionEntry(server.connection.key, openServers.has(server), description) : "";
  return { bank, connection: Buffer.from(groupIndex === 0 || !isFirst ? head : `,${head}`), entries, slots };
}

/** No room for a point: as many connections as there is room for. That one is closed must reach whoever relies on it. */
function onlyConnections(parts: readonly GroupPart[], limitBytes: number): DocumentLayout {
  for (const { slots } of parts) for (const index of slots.room.keys()) forgetPoint(slots, index);
  const all = parts.reduce((sum, part) => sum + (part.connection.length > 0 ? 1 : 0) + shownPoints(part), 0);
  const groups = parts.map(({ slots }) => slots);
  if (limitBytes < 2) return { bytes: Buffer.alloc(0), groups, missingEntries: all, lacksDescriptions: true };
  let bytes = 2;
  const first = parts.findIndex(({ connection }) => (bytes += connection.length) > limitBytes);
  const some = parts.map((part, group) =>
    first < 0 || group < first ? part : { ...part, connection: Buffer.alloc(0) },
  );
  const connections = some.filter(({ connection }) => connection.length > 0).length;
  const missing = all - connections;
  const text = missingEntry(missing, connections === 0 ? "" : ",");
  const fits = missing > 0 && connectionBytesOf(some) + text.length <= limitBytes;
  return assembled(some, fits ? text : "", missing);
}

function shownPoints({ entries }: GroupPart): number {
  return entries.filter(({ length }) => length > 0).length;
}

function forgetPoint(slots: GroupSlots, index: number): void {
  slots.content[index] = 0;
  slots.room[index] = 0;
  slots.slotWidth[index] = 0;
}

/** The last entry of a document that does not fit. */
export function missingEntry(missing: number, before = ","): string {
  const description = "Entries left out because the shared memory is too small; the log names the size needed";
  return `${before}"Entries missing":{"value":${missing},"varType":"UInt32","description":"${description}"}`;
}
