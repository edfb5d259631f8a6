// What a program that reads process images imports: `import { OpenedImage } from "cpc-partition/reader"`. It maps images read-only
// and brings along nothing of the protocols. docs/process-image.md says what every field means.

/// <reference types="node" preserve="true" />

import "./require-node.ts";

export { OpenedImage } from "./process-image/opened-image.ts";
export { ImageReader, ImageError } from "./process-image/image-reader.ts";
export { ServerSnapshot } from "./process-image/server-snapshot.ts";
export { BankReader, type PointReading, type PollState } from "./process-image/bank-reader.ts";
export type { Directory, PlacedPoint, PlacedServer } from "./process-image/directory.ts";
export { ConnectionState, type ServerCounter, type ServiceCounter } from "./process-image/layout.ts";
export { BuiltInType, builtInTypeName, type BuiltInTypeName } from "./point/built-in-type.ts";
export { isBad, isGood } from "./point/status-code.ts";
export type { Scalar, Value } from "./point/value.ts";
export { PosixError, UnsuitableObjectError } from "./posix/errno.ts";
