// Files by a name that a person gave: what has it may be a device without an end, a pipe that nobody fills, a directory, or far too large.
//
// Promises: never waits without an end and never takes more memory than it was told to. A pipe is opened without blocking. Not promised: a file
// system that does not answer; whoever cannot wait for that reads in a thread.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";

/** The file is there and is not what can be read; the message continues "because". */
export class UnsuitableFileError extends Error {
  override readonly name = "UnsuitableFileError";
  readonly code = "UnsuitableFile";
}

export interface FileBounds {
  readonly largestBytes: number;
  /** A pipe may take until then (performance.now) to be filled and closed. Absent: pipes are refused. */
  readonly pipeUntilMs?: number;
  /** Throws when the file must not be used. */
  readonly judge?: (state: Stats) => void;
}

/** The whole content. Throws an UnsuitableFileError, or the error of the system. */
export function readBoundedFile(path: string, { largestBytes, pipeUntilMs, judge }: FileBounds): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const state = fstatSync(descriptor);
    if (state.isDirectory()) throw new UnsuitableFileError("it is a directory");
    const isPipe = state.isFIFO() && pipeUntilMs !== undefined;
    if (!state.isFile() && !isPipe) throw new UnsuitableFileError("it is not a regular file");
    judge?.(state);
    if (state.size > largestBytes) throw tooLarge(largestBytes);
    return isPipe ? readPipe(descriptor, largestBytes, pipeUntilMs) : readFile(descriptor, largestBytes);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a file to write in it, as `openSync` does; whatever else has its name is refused. Throws an UnsuitableFileError with the path, or the error of
 * the system.
 */
export function openRegularFile(path: string, flags: number, mode?: number): number {
  const descriptor = openSync(path, flags | constants.O_NONBLOCK, mode);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new UnsuitableFileError(`${path} is not a regular file; remove it`);
}

/** Not by the size that the system tells: a file of /proc has none, and another may grow. */
function readFile(descriptor: number, largestBytes: number): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    const piece = Buffer.alloc(pieceBytes);
    const count = readSync(descriptor, piece, 0, piece.length, null);
    if (count === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, count));
    length += count;
    if (length > largestBytes) throw tooLarge(largestBytes);
  }
}

const pieceBytes = 64 * 1024;
const pipeLookMs = 5;

function readPipe(descriptor: number, largestBytes: number, untilMs: number): Buffer {
  const buffer = Buffer.alloc(largestBytes + 1);
  let length = 0;
  for (;;) {
    const count = readAvailable(descriptor, buffer, length);
    if (count === "Closed" && length > 0) return buffer.subarray(0, length);
    if (typeof count === "number") {
      length += count;
      if (length > largestBytes) throw tooLarge(largestBytes);
    } else if (performance.now() >= untilMs) {
      throw new UnsuitableFileError(
        length === 0
          ? "it is a pipe into which no program wrote in time"
          : "it is a pipe that the program which writes to it did not close in time",
      );
    } else {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pipeLookMs);
    }
  }
}

/** "Closed": nobody has it open for writing, not yet or no longer. */
function readAvailable(descriptor: number, buffer: Buffer, at: number): number | "Closed" | "Nothing" {
  try {
    return readSync(descriptor, buffer, at, buffer.length - at, null) || "Closed";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return "Nothing";
    throw error;
  }
}

function tooLarge(largestBytes: number): UnsuitableFileError {
  const [size, unit] = largestBytes >= 1024 * 1024 ? [largestBytes / 1024 / 1024, "MiB"] : [largestBytes / 1024, "KiB"];
  return new UnsuitableFileError(`it is larger than ${size} ${unit}`);
}
