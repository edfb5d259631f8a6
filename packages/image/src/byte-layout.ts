// Fields one after the other, each on a multiple of its own size (at most 8): the offsets are sums, nobody writes a number.

/** Offset of every field, and the size of all of them together. */
export type Placed<Fields> = { readonly [Name in keyof Fields]: number } & { readonly bytes: number };

/**
 * `fields` has the size in bytes of each field, in their order. `reservedTo`: the whole takes so many bytes, so that a minor version can
 * append fields without moving anything else. Throws a RangeError when the fields need more.
 */
export function place<const Fields extends Readonly<Record<string, number>>>(
  fields: Fields,
  reservedTo?: number,
): Placed<Fields> {
  let end = 0;
  const offsets = Object.entries(fields).map(([name, bytes]) => {
    const offset = alignUp(end, Math.min(bytes, 8));
    end = offset + bytes;
    return [name, offset] as const;
  });
  const bytes = reservedTo ?? alignUp(end, 8);
  if (end > bytes) throw new RangeError(`the fields take ${end} bytes, and only ${bytes} are reserved`);
  return { ...(Object.fromEntries(offsets) as { [Name in keyof Fields]: number }), bytes };
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** Sizes of fields in bytes. A text is (u32 offset, u32 bytes). */
export const u8 = 1;
export const u32 = 4;
export const u64 = 8;
export const i64 = 8;
export const text = 8;
