// The directory of an image: which servers and points there are and where their values lie. Worked out once from the list of
// servers, written before the image gets its magic, never changed afterwards: other points are another generation.

import type { PointDescription } from "./point.ts";
import {
  alignUp,
  block,
  blockAlignment,
  header,
  pointEntry,
  poll,
  record,
  roomAlignment,
  serverEntry,
} from "./layout.ts";

export interface DescribedPoint extends PointDescription {
  /** The key is made of a name that the server has yet to confirm: no value is shown under it. */
  readonly isExpected?: boolean;
}

/** A server as it is written into the directory; `points` carry the final, distinct keys. */
export interface ServerDescription {
  readonly alias: string;
  readonly connection: { readonly key: string; readonly description: string };
  readonly intervalMs: number;
  /** Whether its connection is insecure as it is configured; absent: not told. */
  readonly isInsecure?: boolean;
  readonly points: readonly DescribedPoint[];
}

export interface PlacedPoint extends DescribedPoint {
  /** Offset of the point's room from the start of a bank. */
  readonly roomOffset: number;
}

export interface PlacedServer extends ServerDescription {
  readonly points: readonly PlacedPoint[];
  readonly blockOffset: number;
  readonly bankBytes: number;
}

export interface Directory {
  readonly servers: readonly PlacedServer[];
  readonly pointTableOffset: number;
  readonly textTableOffset: number;
  readonly texts: Uint8Array;
  readonly imageBytes: number;
}

/** Places everything; pure. */
export function planDirectory(servers: readonly ServerDescription[]): Directory {
  const pointCount = servers.reduce((sum, server) => sum + server.points.length, 0);
  const pointTableOffset = header.bytes + servers.length * serverEntry.bytes;
  const textTableOffset = pointTableOffset + pointCount * pointEntry.bytes;
  const texts = Buffer.from(
    servers
      .flatMap(textsOfServer)
      .map((text) => `${text}\0`)
      .join(""),
    "utf8",
  );

  let offset = textTableOffset + texts.length;
  const placed = servers.map((server) => {
    const blockOffset = alignUp(offset, blockAlignment);
    let room = poll.bytes + server.points.length * record.bytes;
    const points = server.points.map((point) => {
      const roomOffset = room;
      room += alignUp(point.capacityBytes, roomAlignment);
      return { ...point, roomOffset };
    });
    const bankBytes = alignUp(room, blockAlignment);
    offset = blockOffset + block.banks + 2 * bankBytes;
    return { ...server, points, blockOffset, bankBytes };
  });
  return { servers: placed, pointTableOffset, textTableOffset, texts, imageBytes: alignUp(offset, blockAlignment) };
}

/** Writes tables and texts into an image that is still all zero. */
export function writeDirectory(directory: Directory, buffer: ArrayBufferLike): void {
  const view = new DataView(buffer);
  new Uint8Array(buffer, directory.textTableOffset, directory.texts.length).set(directory.texts);
  let textOffset = directory.textTableOffset;
  const putText = (at: number, text: string): void => {
    const bytes = Buffer.byteLength(text);
    view.setUint32(at, textOffset, true);
    view.setUint32(at + 4, bytes, true);
    textOffset += bytes + 1;
  };

  let pointIndex = 0;
  for (const [serverIndex, server] of directory.servers.entries()) {
    const at = header.bytes + serverIndex * serverEntry.bytes;
    putText(at + serverEntry.alias, server.alias);
    putText(at + serverEntry.connectionKey, server.connection.key);
    putText(at + serverEntry.connectionDescription, server.connection.description);
    view.setUint32(at + serverEntry.firstPoint, pointIndex, true);
    view.setUint32(at + serverEntry.pointCount, server.points.length, true);
    view.setUint32(at + serverEntry.block, server.blockOffset, true);
    view.setUint32(at + serverEntry.bankBytes, server.bankBytes, true);
    view.setUint32(at + serverEntry.intervalMs, server.intervalMs, true);
    view.setUint32(at + serverEntry.security, securityCode(server), true);
    for (const point of server.points) {
      const entry = directory.pointTableOffset + pointIndex++ * pointEntry.bytes;
      putText(entry + pointEntry.key, point.key);
      putText(entry + pointEntry.description, point.description);
      putText(entry + pointEntry.unit, point.unit);
      view.setUint32(entry + pointEntry.type, point.type, true);
      view.setUint32(entry + pointEntry.capacityBytes, point.capacityBytes, true);
      view.setUint32(entry + pointEntry.room, point.roomOffset, true);
      view.setUint32(entry + pointEntry.server, serverIndex, true);
    }
  }
}

/** Reads a directory back. The caller has checked magic and version. */
export function readDirectory(buffer: ArrayBufferLike): Directory {
  const view = new DataView(buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  const text = (at: number): string => Buffer.from(buffer, u32(at), u32(at + 4)).toString("utf8");
  const pointTableOffset = u32(header.pointTable);
  const pointStride = u32(header.pointEntryBytes);
  const serverStride = u32(header.serverEntryBytes);
  const readPoint = (index: number): PlacedPoint => {
    const entry = pointTableOffset + index * pointStride;
    return {
      key: text(entry + pointEntry.key),
      description: text(entry + pointEntry.description),
      unit: text(entry + pointEntry.unit),
      type: u32(entry + pointEntry.type) as PlacedPoint["type"],
      capacityBytes: u32(entry + pointEntry.capacityBytes),
      roomOffset: u32(entry + pointEntry.room),
    };
  };
  const servers = Array.from({ length: u32(header.serverCount) }, (_, index) => {
    const at = u32(header.serverTable) + index * serverStride;
    const firstPoint = u32(at + serverEntry.firstPoint);
    return {
      alias: text(at + serverEntry.alias),
      connection: {
        key: text(at + serverEntry.connectionKey),
        description: text(at + serverEntry.connectionDescription),
      },
      intervalMs: u32(at + serverEntry.intervalMs),
      ...insecurityOf(u32(at + serverEntry.security)),
      points: Array.from({ length: u32(at + serverEntry.pointCount) }, (_unused, n) => readPoint(firstPoint + n)),
      blockOffset: u32(at + serverEntry.block),
      bankBytes: u32(at + serverEntry.bankBytes),
    };
  });
  const textTableOffset = u32(header.textTable);
  const texts = new Uint8Array(buffer, textTableOffset, u32(header.textBytes));
  return { servers, pointTableOffset, textTableOffset, texts, imageBytes: u32(header.imageBytes) };
}

function securityCode({ isInsecure }: ServerDescription): number {
  if (isInsecure === undefined) return 0;
  return isInsecure ? 1 : 2;
}

function insecurityOf(code: number): { readonly isInsecure?: boolean } {
  return code === 1 || code === 2 ? { isInsecure: code === 1 } : {};
}

function textsOfServer(server: ServerDescription): string[] {
  const points = server.points.flatMap((point) => [point.key, point.description, point.unit]);
  return [server.alias, server.connection.key, server.connection.description, ...points];
}
