// What a program that reads process images imports: `import { OpenedImage } from "@cpc-partition/image"`. It maps images read-only
// and brings along nothing of the protocols. docs/process-image.md says what every field means.

/// <reference types="node" preserve="true" />

import "./require-node.ts";

export { OpenedImage, type SeenImage } from "./opened-image.ts";
export { OpenedJournal, type NextChanges } from "./opened-journal.ts";
export {
  isUsable,
  unusableImage,
  unusableReading,
  usability,
  type UnusableReason,
  type Usability,
  type Wanted,
} from "./usable-value.ts";
export { ImageReader, type ServerState } from "./image-reader.ts";
export { ImageError } from "./read-directory.ts";
export { GroupSnapshot } from "./group-snapshot.ts";
export { JournalReader, type Change, type Changes, type Cursor } from "./journal-reader.ts";
export { BankReader, type PointReading, type PollState } from "./bank-reader.ts";
export type { Directory, PlacedGroup, PlacedPoint, PlacedServer } from "./directory.ts";
export {
  ConnectionState,
  type GroupCounter,
  type Histogram,
  type ServerCounter,
  type ServiceCounter,
} from "./layout.ts";
export { BuiltInType, builtInTypeName, type BuiltInTypeName } from "./values/built-in-type.ts";
export { dateOf } from "./values/date-time.ts";
export { isBad, isGood } from "./values/status-code.ts";
export { statusName } from "./values/status-name.ts";
export type { Scalar, Value } from "./values/value.ts";
export { PosixError, UnsuitableObjectError } from "./posix/errno.ts";
