// What stands in one message of a subscription (OPC 10000-4, 7.26): the values of each item in the order in which the server found them. The
// first values of all items are published together, then the second ones, and so on: so every change is one of the journal, and the image
// shows the last. Pure.

import { DataChangeNotification, DataValue, StatusChangeNotification } from "node-opcua-client";
import type { NotificationMessage, StatusCode } from "node-opcua-client";
import type { ClientHandles } from "./client-handles.ts";

export interface ItemValue {
  readonly item: number;
  readonly value: DataValue;
}

export interface Notification {
  readonly values: readonly ItemValue[];
  /** A client handle that is none of ours; undefined: there is none. */
  readonly foreignHandle: number | undefined;
  /** Why the subscription is over; undefined: it is not. */
  readonly ended: StatusCode | undefined;
}

export function readNotification({ notificationData }: NotificationMessage, handles: ClientHandles): Notification {
  const values: ItemValue[] = [];
  let foreignHandle: number | undefined;
  let ended: StatusCode | undefined;
  for (const data of notificationData ?? []) {
    if (data instanceof StatusChangeNotification) ended = data.status;
    if (!(data instanceof DataChangeNotification)) continue;
    for (const { clientHandle, value } of data.monitoredItems ?? []) {
      const item = handles.itemOf(clientHandle);
      if (item === undefined) foreignHandle ??= clientHandle;
      else if (value instanceof DataValue) values.push({ item, value });
    }
  }
  return { values, foreignHandle, ended };
}

export function isKeepAlive({ notificationData }: NotificationMessage): boolean {
  return (notificationData?.length ?? 0) === 0;
}

/** The n-th values of all items make the n-th round. */
export function roundsOf(values: readonly ItemValue[]): readonly (readonly ItemValue[])[] {
  const seen = new Map<number, number>();
  const rounds: ItemValue[][] = [];
  for (const one of values) {
    const round = seen.get(one.item) ?? 0;
    seen.set(one.item, round + 1);
    (rounds[round] ??= []).push(one);
  }
  return rounds;
}
