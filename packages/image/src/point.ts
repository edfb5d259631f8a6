// What a point is: the part of it that stays the same from poll to poll.

import type { BuiltInType } from "./values/built-in-type.ts";

export interface PointDescription {
  /** The key that the point asks for in the document; `point-keys.ts` makes keys distinct. */
  readonly key: string;
  readonly description: string;
  /** Engineering unit as configured, "" when none is. */
  readonly unit: string;
  /** What the server knows it as: address, node id, display name; for people. */
  readonly source: string;
  /** The type as configured or reported; Null when only the server's answer will show it. */
  readonly type: BuiltInType;
  /** The texts of its values (`values/enumeration.ts`); absent or "": it is no enumeration, or the server has not told. */
  readonly enumeration?: string | undefined;
  /** Bytes to reserve for values that are not a plain scalar of up to 8 bytes (texts, byte strings, arrays); 0 for none. */
  readonly capacityBytes: number;
  /** Where the value is, in the words of its protocol: makes its key distinct when another point has the plain one. */
  readonly place?: string;
  /** Absent: the configuration alone makes the key. */
  readonly name?: PointName;
}

/** How a point came by its name when the server has a say in it. */
export interface PointName {
  /** Everything in the configuration that the name depends on: what the server reported is remembered by it. */
  readonly identity: string;
  /** The configuration says the name; else what it says is only expected until the server has reported it. */
  readonly isSettled: boolean;
  /** As the server reported it; undefined until then. */
  readonly reported: string | undefined;
}

/** The entry of the document that tells whether a server is connected. */
export interface ConnectionEntry {
  readonly key: string;
  readonly description: string;
}
