// What every output has in common: which points it gets, how often, and how much waits for it on disk.

import { patternOf } from "@cpc-partition/process/glob";
import type { Fields } from "./fields.ts";

export interface Deadband {
  readonly points: readonly RegExp[];
  /** In the unit of the point. */
  readonly absolute: number;
}

export interface DeliverySettings {
  /** Of `SERVER/KEY`; empty: all points. */
  readonly include: readonly RegExp[];
  readonly exclude: readonly RegExp[];
  readonly deadbands: readonly Deadband[];
  /** The least time between two changes of a point; 0: every change. */
  readonly minimumIntervalMs: number;
  /** Changes are collected for so long. */
  readonly batchMs: number;
  readonly queueBytes: number;
  /** Changes per second beside the live ones. */
  readonly historyPerSecond: number;
}

const leastQueueBytes = 16 * 2 ** 20;

export function readDelivery(fields: Fields): DeliverySettings {
  const points = fields.map("points");
  const queue = fields.map("queue");
  const settings = {
    include: patterns(points, "include"),
    exclude: patterns(points, "exclude"),
    deadbands: fields.maps("deadband").map(readDeadband),
    minimumIntervalMs: fields.duration("minimumInterval", 0, { least: 1, most: 3_600_000 }),
    batchMs: fields.duration("batch", 50, { least: 5, most: 60_000 }),
    queueBytes: queue.size("size", 2 ** 30, { least: leastQueueBytes, most: 2 ** 40 }),
    historyPerSecond: queue.number("historyRate", 20_000, { least: 1, most: 1_000_000 }),
  };
  points.end();
  queue.end();
  return settings;
}

function readDeadband(fields: Fields): Deadband {
  const points = patterns(fields, "points");
  if (points.length === 0) fields.error("points", 'is missing; write patterns of SERVER/KEY, for example "Boiler 1/*"');
  const absolute = fields.number("absolute", 0, { least: 0, most: 1e300 });
  if (!fields.has("absolute")) fields.error("absolute", "is missing; write the smallest difference that matters");
  fields.end();
  return { points, absolute };
}

function patterns(fields: Fields, name: string): readonly RegExp[] {
  return fields.texts(name).map((text) => patternOf(text));
}
