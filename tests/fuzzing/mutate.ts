// Spoils bytes the way broken devices, broken networks and attackers do: single bits, lengths and counts at their limits, pieces that are
// missing, doubled, exchanged or foreign.

import type { Random } from "./random.ts";

const limits8 = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff] as const;
const limits16 = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff] as const;
const limits32 = [
  0, 1, 0xff, 0xffff, 0x10000, 0xfffff, 0x100000, 0x100001, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe,
  0xffffffff,
] as const;

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

function changed(bytes: Buffer, width: number, random: Random, write: (copy: Buffer, offset: number) => void): Buffer {
  if (bytes.length < width) return bytes;
  const copy = Buffer.from(bytes);
  write(copy, random.below(bytes.length - width + 1));
  return copy;
}

function piece(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length + 1);
  return bytes.subarray(start, start + random.below(Math.min(64, bytes.length - start) + 1));
}

const mutations: readonly Mutation[] = [
  (bytes, random) =>
    changed(bytes, 1, random, (copy, at) => copy.writeUInt8(copy.readUInt8(at) ^ (1 << random.below(8)), at)),
  (bytes, random) => changed(bytes, 1, random, (copy, at) => copy.writeUInt8(random.below(256), at)),
  (bytes, random) => changed(bytes, 1, random, (copy, at) => copy.writeUInt8(random.pick(limits8), at)),
  (bytes, random) =>
    changed(bytes, 1, random, (copy, at) => copy.writeUInt8((copy.readUInt8(at) + random.pick([1, 255])) & 0xff, at)),
  (bytes, random) => changed(bytes, 2, random, (copy, at) => copy.writeUInt16BE(random.pick(limits16), at)),
  (bytes, random) => changed(bytes, 2, random, (copy, at) => copy.writeUInt16LE(random.pick(limits16), at)),
  (bytes, random) => changed(bytes, 4, random, (copy, at) => copy.writeUInt32LE(random.pick(limits32), at)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) =>
    Buffer.concat([bytes, Buffer.from(Array.from({ length: random.from(1, 32) }, () => random.below(256)))]),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.from(1, 8))]);
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), piece(bytes, random), bytes.subarray(at)]);
  },
  (bytes, random, others) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([
      bytes.subarray(0, at),
      others.length > 0 ? piece(random.pick(others), random) : bytes,
      bytes.subarray(at),
    ]);
  },
];

/** One to four mutations, one after the other. `others` are inputs to take foreign pieces from. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[] = []): Buffer {
  let spoiled = bytes;
  for (let rest = 1 + (random.oneIn(2) ? 0 : random.below(4)); rest > 0; rest--) {
    spoiled = random.pick(mutations)(spoiled, random, others);
  }
  return spoiled;
}
