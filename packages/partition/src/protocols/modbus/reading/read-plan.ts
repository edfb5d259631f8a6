// Which requests read all points of a server: as few as the limits allow. Pure; made once, not in the cycle.
//
// Points of one unit id and one function form a table (MODBUS Application Protocol V1.1b3, 4.3, "primary tables"). In it a
// request grows from its lowest address over the next points as long as the limits hold. That is minimal: the first point must
// be in some request, none can start later, and whoever stretches it furthest leaves least to the others.
// A value of several registers is always read by one request, whole: two could see it before and after a change.

import type { ModbusPoint, ReadFunction } from "../configuration/modbus-server.ts";
import { MAX_BITS_PER_REQUEST, MAX_REGISTERS_PER_REQUEST, readsBits } from "../pdu.ts";
import { chooseDecoder, type Decode } from "../decoding/register-decoding.ts";

export interface ReadLimits {
  /** 1 to 125; bits have the standard's limit alone. */
  readonly maxRegistersPerRequest: number;
  readonly maxGap: number;
}

/** A point as the cycle needs it. */
export interface PlannedPoint {
  /** Place in the server's list of points, and in the sink. */
  readonly index: number;
  readonly address: number;
  readonly width: number;
  readonly decode: Decode;
}

/** Addresses from `address` up to, not including, `endAddress`. */
export interface AddressRange {
  readonly address: number;
  readonly endAddress: number;
}

export interface ReadRequest {
  readonly functionCode: ReadFunction;
  readonly address: number;
  readonly quantity: number;
  /** By address; each lies inside the range. */
  readonly points: readonly PlannedPoint[];
}

/** All points of one unit id and function, by address. */
export interface Table {
  readonly unitId: number;
  readonly functionCode: ReadFunction;
  readonly points: readonly PlannedPoint[];
  readonly requests: readonly ReadRequest[];
  /** The most addresses of one request. */
  readonly maxQuantity: number;
}

export interface ReadPlan {
  /** Unit ids in the order of the configuration. */
  readonly tables: readonly Table[];
  /** Indices of points that no allowed request can hold: wider than the limit, or past the last address. */
  readonly unreadable: readonly number[];
}

export function planReads(points: readonly ModbusPoint[], limits: ReadLimits): ReadPlan {
  const tables = new Map<string, { unitId: number; functionCode: ReadFunction; points: PlannedPoint[] }>();
  const unreadable: number[] = [];
  const decoders = new Map<string, Decode>();
  for (const [index, point] of points.entries()) {
    const { unitId, functionCode } = point;
    const { address, width, decode } = planPoint(point, decoders);
    if (width > maxQuantityOf(functionCode, limits) || address + width > 65_536) {
      unreadable.push(index);
      continue;
    }
    const name = `${unitId}/${functionCode}`;
    const table = tables.get(name) ?? { unitId, functionCode, points: [] };
    tables.set(name, table);
    table.points.push({ index, address, width, decode });
  }
  return {
    tables: Array.from(tables.values(), (table) => {
      const byAddress = table.points.sort((a, b) => a.address - b.address || a.width - b.width || a.index - b.index);
      const maxQuantity = maxQuantityOf(table.functionCode, limits);
      const bounds = { maxQuantity, maxGap: limits.maxGap, refused: [] };
      return { ...table, requests: coalesce(table.functionCode, byAddress, bounds), maxQuantity };
    }),
    unreadable,
  };
}

/** With the register of its scale factor: what lies between is read along, so that no request can have the one without the other. */
function planPoint(point: ModbusPoint, decoders: Map<string, Decode>): Omit<PlannedPoint, "index"> {
  const { width, factorAddress = point.address } = point;
  const address = Math.min(point.address, factorAddress);
  const own = point.address - address;
  return {
    address,
    width: Math.max(own + width, factorAddress + 1 - address),
    decode: decoderOf(point, own, decoders),
  };
}

/** Points that are decoded alike share a decoder: there are many points, and few kinds of them. `own`: the distance of the value itself. */
function decoderOf(point: ModbusPoint, own: number, decoders: Map<string, Decode>): Decode {
  const { functionCode, wireType, form, type, bit, width, wordOrder, scale, bias, noValue, text } = point;
  const { address, factorAddress } = point;
  const bits = readsBits(functionCode);
  const kind = [bits, wireType, form, type, bit, width, wordOrder, scale, bias, noValue, text];
  const name = JSON.stringify([...kind, factorAddress === undefined ? undefined : factorAddress - address]);
  const known = decoders.get(name);
  if (known !== undefined) return known;
  const chosen = chooseDecoder(point);
  const decode: Decode =
    own === 0
      ? chosen
      : (bytes, dataOffset, distance, sink, index) => chosen(bytes, dataOffset, distance + own, sink, index);
  decoders.set(name, decode);
  return decode;
}

function maxQuantityOf(functionCode: ReadFunction, limits: ReadLimits): number {
  if (readsBits(functionCode)) return MAX_BITS_PER_REQUEST;
  return Math.min(limits.maxRegistersPerRequest, MAX_REGISTERS_PER_REQUEST);
}

export interface CoalescingBounds {
  readonly maxQuantity: number;
  readonly maxGap: number;
  /** What the device has refused to read, by itself or as a part: no request of more than one point contains any of these. */
  readonly refused: readonly AddressRange[];
}

/** `points` must be sorted by address. A single point always gets its request, whatever the bounds say. */
export function coalesce(
  functionCode: ReadFunction,
  points: readonly PlannedPoint[],
  bounds: CoalescingBounds,
): ReadRequest[] {
  const groups: PlannedPoint[][] = [];
  let group: PlannedPoint[] = [];
  let address = 0;
  let endAddress = 0;
  for (const point of points) {
    const grownEnd = Math.max(endAddress, point.address + point.width);
    const fits =
      group.length > 0 &&
      point.address - endAddress <= bounds.maxGap &&
      grownEnd - address <= bounds.maxQuantity &&
      !bounds.refused.some((refused) => refused.address >= address && refused.endAddress <= grownEnd);
    if (fits) {
      group.push(point);
      endAddress = grownEnd;
    } else {
      group = [point];
      groups.push(group);
      address = point.address;
      endAddress = point.address + point.width;
    }
  }
  return groups.map((members) => requestFor(functionCode, members));
}

/** The request for a run of points that are sorted by address and not none. */
export function requestFor(functionCode: ReadFunction, points: readonly PlannedPoint[]): ReadRequest {
  const first = points[0];
  if (first === undefined) throw new RangeError("cannot make a request because it would read no point");
  const endAddress = points.reduce((end, point) => Math.max(end, point.address + point.width), 0);
  return { functionCode, address: first.address, quantity: endAddress - first.address, points };
}

/**
 * Cuts the points of a request in two, at the gap nearest to the middle, or near the middle when there is no gap; undefined when
 * all points have the same addresses.
 */
export function bisect(request: ReadRequest): readonly [ReadRequest, ReadRequest] | undefined {
  const { functionCode, points } = request;
  const middle = points.length / 2;
  let bestCut: number | undefined;
  let bestBadness = Infinity;
  let endAddress = 0;
  let before: PlannedPoint | undefined;
  for (const [cut, point] of points.entries()) {
    if (before !== undefined && (before.address !== point.address || before.width !== point.width)) {
      const isGap = point.address > endAddress;
      const badness = Math.abs(cut - middle) + (isGap ? 0 : points.length);
      if (badness < bestBadness) {
        bestBadness = badness;
        bestCut = cut;
      }
    }
    endAddress = Math.max(endAddress, point.address + point.width);
    before = point;
  }
  if (bestCut === undefined) return undefined;
  return [requestFor(functionCode, points.slice(0, bestCut)), requestFor(functionCode, points.slice(bestCut))];
}
