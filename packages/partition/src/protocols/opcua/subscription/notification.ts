// What stands in one message of a subscription (OPC 10000-4, 7.26): the values of each item in the order in which the server found them. The
// first values of all items are published together, then the second ones, and so on: so every change is one of the journal, and the image
// shows the last. Pure.

import type { ClientHandles } from "./client-handles.ts";

export interface NamedItems {
  /** By the position of the value. */
  readonly items: readonly number[];
  /** A client handle that is none of ours; undefined: there is none. */
  readonly foreignHandle: number | undefined;
}

export function namedItems(clientHandles: readonly number[], handles: ClientHandles): NamedItems {
  const items: number[] = [];
  for (const handle of clientHandles) {
    const item = handles.itemOf(handle);
    if (item === undefined) return { items, foreignHandle: handle };
    items.push(item);
  }
  return { items, foreignHandle: undefined };
}

/** Positions: the n-th values of all items make the n-th round. */
export function roundsOf(items: readonly number[]): readonly (readonly number[])[] {
  const seen = new Map<number, number>();
  const rounds: number[][] = [];
  for (const [position, item] of items.entries()) {
    const round = seen.get(item) ?? 0;
    seen.set(item, round + 1);
    (rounds[round] ??= []).push(position);
  }
  return rounds;
}
