// What a value looks like inside the program, between the wire and the process image.
//
// | built-in type                                  | JavaScript                                                     |
// |------------------------------------------------|----------------------------------------------------------------|
// | Boolean                                        | boolean                                                        |
// | SByte .. UInt32, Float, Double, StatusCode     | number                                                         |
// | Int64, UInt64                                  | bigint                                                         |
// | DateTime                                       | bigint: 100 ns ticks since 1601-01-01 UTC (OPC 10000-6, 5.2.2.5) |
// | String, XmlElement, Guid                       | string (Guid: 36 characters, upper case) or null               |
// | ByteString                                     | Uint8Array or null                                             |
// | NodeId .. DiagnosticInfo (all others)          | string: the value's OPC UA JSON encoding, ready to be embedded  |
//
// The last row keeps the rare, nested types out of the image's layout: they travel as the text that the document shows.

import type { BuiltInType } from "./built-in-type.ts";

export type Scalar = boolean | number | bigint | string | Uint8Array | null;

/** A value with its type. Arrays are flat, row by row; `dimensions` is present for matrices (two or more dimensions) only. */
export interface Value {
  readonly type: BuiltInType;
  readonly value: Scalar | readonly Scalar[];
  readonly dimensions?: readonly number[];
}
