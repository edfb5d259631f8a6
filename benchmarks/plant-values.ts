// Points and values like those of a plant: 40 % Boolean, 30 % UInt16, 30 % Double.

import { BuiltInType } from "../packages/image/src/values/built-in-type.ts";
import type { ServerDescription } from "../packages/image/src/directory.ts";
import type { GroupBlock } from "../packages/image/src/group-block.ts";

export type Mix = readonly BuiltInType[];

export const plantMix: Mix = [
  ...Array.from({ length: 4 }, () => BuiltInType.Boolean),
  ...Array.from({ length: 3 }, () => BuiltInType.UInt16),
  ...Array.from({ length: 3 }, () => BuiltInType.Double),
];
export const doublesOnly: Mix = [BuiltInType.Double];

export function typeOf(mix: Mix, index: number): BuiltInType {
  return mix[index % mix.length] ?? BuiltInType.Double;
}

export function plantServer(mix: Mix, points: number): ServerDescription {
  return {
    alias: "plant",
    connection: {
      key: "ModbusTCP Connections:plant: Connection status",
      description: "Connection status to the Modbus server",
    },
    groups: [
      {
        name: "",
        intervalMs: 1000,
        points: Array.from({ length: points }, (_, index) => ({
          key: `plant: measuring point ${index}`,
          description: `Reading of measuring point ${index}`,
          unit: "",
          source: `unit 1, holding register ${index}`,
          type: typeOf(mix, index),
          capacityBytes: 0,
        })),
      },
    ],
  };
}

/** Another value for every point in every round. */
export type NumberOf = (type: BuiltInType, index: number, round: number) => number;

/** Measured values with two decimals. */
export const twoDecimals: NumberOf = (type, index, round) => {
  if (type === BuiltInType.Boolean) return (index + round) & 1;
  if (type === BuiltInType.UInt16) return (index * 257 + round * 31) & 0xffff;
  return ((index * 7919 + round * 104_729) % 100_000) / 100;
};

/** The same numbers, made beforehand: eight rounds, over and over. */
export function prepared(mix: Mix, points: number, numberOf: NumberOf): NumberOf {
  const rounds = Array.from({ length: 8 }, (_, round) =>
    Float64Array.from({ length: points }, (_unused, index) => numberOf(typeOf(mix, index), index, round)),
  );
  return (_type, index, round) => rounds[round & 7]?.[index] ?? 0;
}

/** 16 or 17 digits: nothing a sensor says, and the longest that can be said. */
export const fullPrecision: NumberOf = (_type, index, round) => Math.sqrt(index * 7919 + round * 104_729 + 2) / 3;

export function setAll(block: GroupBlock, mix: Mix, numberOf: NumberOf, round: number): void {
  const { length } = block.points;
  for (let index = 0; index < length; index++) {
    const type = typeOf(mix, index);
    block.setNumber(index, type, numberOf(type, index, round));
  }
}
