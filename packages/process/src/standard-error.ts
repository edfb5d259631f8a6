// Standard error, for everything that this program says there while a partition may be running.

import { OutputDescriptor } from "@cpc-partition/image/posix/output-descriptor";
import { BoundedOutput } from "./bounded-output.ts";

export const standardError = new BoundedOutput(() => new OutputDescriptor(2));

/** How long the program's end may wait for a reader that is slow. */
export const farewellMs = 500;
/** The same when what waits is the reason why the program failed. */
export const failureFarewellMs = 4000;
