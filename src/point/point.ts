// What a point is: the part of it that stays the same from poll to poll.

import type { BuiltInType } from "./built-in-type.ts";

export interface PointDescription {
  /** The key that the point asks for in the document; whoever builds the document makes keys distinct. */
  readonly key: string;
  readonly description: string;
  /** Engineering unit as configured, "" when none is. */
  readonly unit: string;
  /** The type as configured or learned; Null when only the server's answer will tell. */
  readonly type: BuiltInType;
  /** Bytes to reserve for values that are not a plain scalar of up to 8 bytes (texts, byte strings, arrays); 0 for none. */
  readonly capacityBytes: number;
}
