// The directory of an image: which servers, groups and points there are and where their values lie. Worked out once from the list of
// servers, written before the image gets its magic, never changed afterwards: other points are another generation.

import type { PlacedBlock } from "./bank-pair.ts";
import { alignUp } from "./byte-layout.ts";
import {
  block,
  blockAlignment,
  groupBlockBytes,
  groupEntry,
  header,
  pointEntry,
  poll,
  record,
  roomAlignment,
  serverEntry,
  serverState,
} from "./layout.ts";
import type { ConnectionEntry, PointDescription } from "./point.ts";

export interface DescribedPoint extends PointDescription {
  /** The key is made of a name that the server has yet to confirm: no value is shown under it. */
  readonly isExpected?: boolean;
  /** Among all points of its server, in the order of the configuration. Absent: group after group. */
  readonly serverPosition?: number;
}

/** The points of a server that are read at one rate; `points` carry the final, distinct keys. */
export interface GroupDescription {
  /** "" for the only group of a server. */
  readonly name: string;
  readonly intervalMs: number;
  /** Absent: it is polled. */
  readonly isSubscribed?: boolean | undefined;
  readonly points: readonly DescribedPoint[];
}

/** A server as it is written into the directory. */
export interface ServerDescription {
  readonly alias: string;
  readonly connection: ConnectionEntry;
  /** Whether its connection is insecure as it is configured; absent: not told. */
  readonly isInsecure?: boolean;
  readonly groups: readonly GroupDescription[];
}

export interface PlacedPoint extends DescribedPoint {
  /** Offset of the point's room from the start of a bank. */
  readonly roomOffset: number;
  readonly serverPosition: number;
}

export interface PlacedGroup extends GroupDescription, PlacedBlock {
  /** Number in the group table. */
  readonly index: number;
  /** Number in the server table. */
  readonly serverIndex: number;
  /** Number of its first point in the point table. */
  readonly firstPoint: number;
  readonly points: readonly PlacedPoint[];
}

export interface PlacedServer extends ServerDescription, PlacedBlock {
  readonly groups: readonly PlacedGroup[];
}

export interface Directory {
  readonly servers: readonly PlacedServer[];
  /** Of all servers, in the order of the group table. */
  readonly groups: readonly PlacedGroup[];
  readonly pointCount: number;
  readonly textTableOffset: number;
  readonly texts: Uint8Array;
  readonly imageBytes: number;
}

const serverTableOffset = header.bytes;
/** Offsets have 32 bits. */
const mostBytes = 2 ** 32 - blockAlignment;

/** The points, with the room for their long values, do not fit into one image. */
export class ImageTooLargeError extends Error {
  override readonly name = "ImageTooLargeError";
  readonly code = "ImageTooLarge";

  constructor(imageBytes: number, pointCount: number) {
    super(
      `cannot lay out a process image of ${imageBytes} bytes for ${pointCount} points because it can have ${mostBytes} at most; ` +
        "distribute the servers to several partitions (--prefix), or set a smaller <capacity> for texts and arrays",
    );
  }
}

/** Places everything; pure. Throws an ImageTooLargeError. */
export function planDirectory(servers: readonly ServerDescription[]): Directory {
  const pointCount = servers.flatMap(({ groups }) => groups).reduce((sum, group) => sum + group.points.length, 0);
  const textTableOffset = pointTableOffset(servers) + pointCount * pointEntry.bytes;
  // The empty one puts a zero byte behind the last.
  const texts = Buffer.from([...servers.flatMap(textsOfServer), ...enumerationsOf(servers), ""].join("\0"), "utf8");

  let end = textTableOffset + texts.length;
  let firstPoint = 0;
  let firstOfServer = 0;
  let index = 0;
  const placeBlock = (headBytes: number, bankBytes: number): PlacedBlock => {
    const blockOffset = alignUp(end, blockAlignment);
    const banksOffset = alignUp(blockOffset + headBytes, blockAlignment);
    end = banksOffset + 2 * bankBytes;
    return { blockOffset, banksOffset, bankBytes };
  };
  const placeGroup = (group: GroupDescription, serverIndex: number): PlacedGroup => {
    let room = poll.bytes + group.points.length * record.bytes;
    const points = group.points.map((point, place) => {
      const roomOffset = room;
      room += alignUp(point.capacityBytes, roomAlignment);
      return { serverPosition: firstPoint - firstOfServer + place, ...point, roomOffset };
    });
    const place = placeBlock(groupBlockBytes, alignUp(room, blockAlignment));
    const placed = { ...group, ...place, index: index++, serverIndex, firstPoint, points };
    firstPoint += points.length;
    return placed;
  };
  const placed = servers.map((server, serverIndex) => {
    firstOfServer = firstPoint;
    const place = placeBlock(block.bytes, serverState.bytes);
    return { ...server, ...place, groups: server.groups.map((group) => placeGroup(group, serverIndex)) };
  });
  const groups = placed.flatMap((server) => server.groups);
  const imageBytes = alignUp(end, blockAlignment);
  if (imageBytes > mostBytes) throw new ImageTooLargeError(imageBytes, pointCount);
  return { servers: placed, groups, pointCount, textTableOffset, texts, imageBytes };
}

/** Writes tables and texts into an image that is still all zero. The result is the same directory, with the texts where they are now. */
export function writeDirectory(directory: Directory, buffer: ArrayBufferLike): Directory {
  const view = new DataView(buffer);
  const texts = new Uint8Array(buffer, directory.textTableOffset, directory.texts.length);
  texts.set(directory.texts);
  let textOffset = directory.textTableOffset;
  const putText = (at: number, text: string): void => {
    const bytes = Buffer.byteLength(text);
    view.setUint32(at, textOffset, true);
    view.setUint32(at + 4, bytes, true);
    textOffset += bytes + 1;
  };
  const put = (at: number, value: number): void => view.setUint32(at, value, true);

  // In the order of `textsOfServer`.
  const groupTable = groupTableOffset(directory.servers);
  const pointTable = pointTableOffset(directory.servers);
  let firstGroup = 0;
  for (const [serverIndex, server] of directory.servers.entries()) {
    const at = serverTableOffset + serverIndex * serverEntry.bytes;
    putText(at + serverEntry.alias, server.alias);
    putText(at + serverEntry.connectionKey, server.connection.key);
    putText(at + serverEntry.connectionDescription, server.connection.description);
    put(at + serverEntry.firstGroup, firstGroup);
    firstGroup += server.groups.length;
    put(at + serverEntry.groupCount, server.groups.length);
    put(at + serverEntry.block, server.blockOffset);
    put(at + serverEntry.banks, server.banksOffset);
    put(at + serverEntry.security, securityCode(server));
    for (const group of server.groups) {
      const entry = groupTable + group.index * groupEntry.bytes;
      putText(entry + groupEntry.name, group.name);
      put(entry + groupEntry.server, serverIndex);
      put(entry + groupEntry.firstPoint, group.firstPoint);
      put(entry + groupEntry.pointCount, group.points.length);
      put(entry + groupEntry.block, group.blockOffset);
      put(entry + groupEntry.banks, group.banksOffset);
      put(entry + groupEntry.bankBytes, group.bankBytes);
      put(entry + groupEntry.intervalMs, group.intervalMs);
      put(entry + groupEntry.acquisition, group.isSubscribed === true ? 1 : 0);
      for (const [position, point] of group.points.entries()) {
        const pointAt = pointTable + (group.firstPoint + position) * pointEntry.bytes;
        putText(pointAt + pointEntry.key, point.key);
        putText(pointAt + pointEntry.description, point.description);
        putText(pointAt + pointEntry.unit, point.unit);
        putText(pointAt + pointEntry.source, point.source);
        put(pointAt + pointEntry.type, point.type);
        put(pointAt + pointEntry.group, group.index);
        put(pointAt + pointEntry.capacityBytes, point.capacityBytes);
        put(pointAt + pointEntry.room, point.roomOffset);
        put(pointAt + pointEntry.serverPosition, point.serverPosition);
      }
    }
  }
  const enumerations = new Map<string, readonly [offset: number, bytes: number]>();
  for (const text of enumerationsOf(directory.servers)) {
    const bytes = Buffer.byteLength(text);
    enumerations.set(text, [textOffset, bytes]);
    textOffset += bytes + 1;
  }
  const emptyText = directory.textTableOffset + directory.texts.length - 1;
  for (const { firstPoint, points } of directory.groups)
    for (const [position, { enumeration = "" }] of points.entries()) {
      const at = pointTable + (firstPoint + position) * pointEntry.bytes + pointEntry.enumeration;
      const [offset, bytes] = enumerations.get(enumeration) ?? [emptyText, 0];
      put(at, offset);
      put(at + 4, bytes);
    }
  return { ...directory, texts };
}

/** Each text once, however many points have it. */
function enumerationsOf(servers: readonly ServerDescription[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { groups } of servers)
    for (const { points } of groups)
      for (const { enumeration } of points) if (enumeration !== undefined && enumeration !== "") found.add(enumeration);
  return found;
}

export function groupTableOffset(servers: readonly ServerDescription[]): number {
  return serverTableOffset + servers.length * serverEntry.bytes;
}

export function pointTableOffset(servers: readonly ServerDescription[]): number {
  const groupCount = servers.reduce((sum, { groups }) => sum + groups.length, 0);
  return groupTableOffset(servers) + groupCount * groupEntry.bytes;
}

function textsOfServer({ alias, connection, groups }: ServerDescription): readonly string[] {
  const ofGroups = groups.flatMap(({ name, points }) => [
    name,
    ...points.flatMap(({ key, description, unit, source }) => [key, description, unit, source]),
  ]);
  return [alias, connection.key, connection.description, ...ofGroups];
}

function securityCode({ isInsecure }: ServerDescription): number {
  return isInsecure === undefined ? 0 : isInsecure ? 1 : 2;
}
