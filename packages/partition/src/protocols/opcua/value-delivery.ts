// Gives the answers of one group to its points: a value to its own, and the members of a structure to theirs. A value and its members always come
// together, with one status and one time.

import type { DataValue } from "node-opcua-client";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { StatusCode, isBad } from "@cpc-partition/image/values/status-code";
import type { DataValues } from "./channel/data-values.ts";
import type { OpcUaMember, OpcUaNode } from "./configuration/opc-ua-server.ts";
import { isWithinRange } from "./index-range.ts";
import { memberOf, type UndecodedStatus } from "./structure-member.ts";
import { deliver, deliverPlain, deliverValue } from "./variant-to-value.ts";

export interface PlacedMember {
  readonly place: number;
  readonly member: OpcUaMember;
}

/** Hears of a member that has a value at the server in another form than configured, or none. */
export type MemberVisitor = (place: number, status: number) => void;

const none: readonly PlacedMember[] = [];

export class ValueDelivery {
  /** By place; most groups have none. */
  readonly #ranges = new Map<number, string>();
  /** By the place of the structure. */
  readonly #members = new Map<number, PlacedMember[]>();
  readonly #owners = new Map<number, number>();
  readonly #undecodedStatus: UndecodedStatus;

  /** The nodes of the group in the order of its points, with their indices in the server. */
  constructor(nodes: readonly (readonly [index: number, node: OpcUaNode])[], undecodedStatus: UndecodedStatus) {
    this.#undecodedStatus = undecodedStatus;
    const placeOf = new Map(nodes.map(([index], place) => [index, place]));
    for (const [place, [, { indexRange, member }]] of nodes.entries()) {
      if (indexRange !== undefined) this.#ranges.set(place, indexRange);
      const owner = member === undefined ? undefined : placeOf.get(member.owner);
      if (member === undefined || owner === undefined) continue;
      this.#owners.set(place, owner);
      const members = this.#members.get(owner) ?? [];
      members.push({ place, member });
      this.#members.set(owner, members);
    }
  }

  /** The place of the value that brings this one: its own, or that of its structure. */
  ownerOf(place: number): number {
    return this.#owners.get(place) ?? place;
  }

  /** The status of the result. */
  deliverAt(sink: PointSink, place: number, results: DataValues, position: number, visit?: MemberVisitor): number {
    const plain = this.#isOfPoint(place) ? results.plain(position) : undefined;
    if (plain !== undefined && deliverPlain(sink, place, plain)) return plain.status;
    const result = results.at(position);
    this.deliver(sink, place, result, visit);
    return result.statusCode.value >>> 0;
  }

  /** It is the value of its point, and of no other. Most groups have nothing to look up. */
  #isOfPoint(place: number): boolean {
    if (this.#ranges.size === 0 && this.#members.size === 0) return true;
    return !this.#ranges.has(place) && !this.#members.has(place);
  }

  deliver(sink: PointSink, place: number, result: DataValue, visit?: MemberVisitor): void {
    const status = result.statusCode.value >>> 0;
    if (isBad(status)) return this.setStatus(sink, place, status);
    const indexRange = this.#ranges.get(place);
    if (indexRange !== undefined && !isWithinRange(result.value, indexRange))
      return this.setStatus(sink, place, StatusCode.BadIndexRangeDataMismatch);
    deliver(sink, place, result);
    for (const { place: own, member } of this.#membersOf(place)) {
      const value = memberOf(result.value, member, this.#undecodedStatus);
      deliverValue(sink, own, value, result);
      if (typeof value === "number") visit?.(own, value);
    }
  }

  setStatus(sink: PointSink, place: number, status: number): void {
    sink.setStatus(place, status);
    for (const { place: own } of this.#membersOf(place)) sink.setStatus(own, status);
  }

  unchanged(sink: PointSink, place: number): void {
    sink.unchanged(place);
    for (const { place: own } of this.#membersOf(place)) sink.unchanged(own);
  }

  #membersOf(place: number): readonly PlacedMember[] {
    return this.#members.size === 0 ? none : (this.#members.get(place) ?? none);
  }
}
