// A batch as the queue on disk keeps it: columns in V8's own serialization, which later versions of the runtime can read.

import { deserialize, serialize } from "node:v8";
import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Value } from "@cpc-partition/image/values/value";
import type { ObservedPoint, PointChange } from "../observation/observed-change.ts";

interface Columns {
  readonly version: 1;
  readonly isRepeat: boolean;
  readonly points: readonly ObservedPoint[];
  readonly point: Uint32Array;
  readonly status: Uint32Array;
  readonly type: Uint8Array;
  /** Source, received, published, run, position of each change. */
  readonly numbers: BigInt64Array;
  readonly values: readonly Value["value"][];
  readonly dimensions: ReadonlyMap<number, readonly number[]>;
}

const numbersPerChange = 5;

export function encodeBatch(changes: readonly PointChange[], isRepeat: boolean): Uint8Array {
  const indices = new Map<ObservedPoint, number>();
  const count = changes.length;
  const point = new Uint32Array(count);
  const status = new Uint32Array(count);
  const type = new Uint8Array(count);
  const numbers = new BigInt64Array(numbersPerChange * count);
  const dimensions = new Map<number, readonly number[]>();
  for (const [index, change] of changes.entries()) {
    let pointIndex = indices.get(change.point);
    if (pointIndex === undefined) indices.set(change.point, (pointIndex = indices.size));
    point[index] = pointIndex;
    status[index] = change.status;
    type[index] = change.type;
    const { sourceNs, receivedNs, publishedNs, run, position } = change;
    numbers.set([sourceNs, receivedNs, publishedNs, run, position], numbersPerChange * index);
    if (change.dimensions !== undefined) dimensions.set(index, change.dimensions);
  }
  const points = [...indices.keys()];
  const values = changes.map(({ value }) => value);
  return serialize({
    version: 1,
    isRepeat,
    points,
    point,
    status,
    type,
    numbers,
    values,
    dimensions,
  } satisfies Columns);
}

/** Undefined when it is of a version that this one, or this runtime, does not know. */
export function decodeBatch(
  bytes: Uint8Array,
): { readonly changes: readonly PointChange[]; readonly isRepeat: boolean } | undefined {
  const columns = columnsOf(bytes);
  if (columns?.version !== 1) return undefined;
  const { isRepeat, points, point, status, type, numbers, values, dimensions } = columns as Columns;
  const changes = values.flatMap((value, index): readonly PointChange[] => {
    const observed = points[point[index] ?? 0];
    if (observed === undefined) return [];
    const [sourceNs = 0n, receivedNs = 0n, publishedNs = 0n, run = 0n, position = 0n] = numbers.subarray(
      numbersPerChange * index,
      numbersPerChange * (index + 1),
    );
    const shape = dimensions.get(index);
    return [
      {
        point: observed,
        type: (type[index] ?? 0) as BuiltInType,
        value,
        ...(shape === undefined ? {} : { dimensions: shape }),
        status: status[index] ?? 0,
        sourceNs,
        receivedNs,
        publishedNs,
        run,
        position,
      },
    ];
  });
  return { changes, isRepeat };
}

function columnsOf(bytes: Uint8Array): Partial<Columns> | undefined {
  try {
    return deserialize(bytes) as Partial<Columns>;
  } catch {
    return undefined;
  }
}
