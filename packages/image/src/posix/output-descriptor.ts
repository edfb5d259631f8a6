// Writing to an output that somebody else reads (a pipe, a terminal, a socket, a file) without ever waiting for them.
//
// Promise: `tryWrite` returns at once. A pipe or a terminal is opened a second time, non-blocking: O_NONBLOCK on the descriptor that
// we were given would hold for every program that shares it. Where that is not permitted, poll(2) has to say that there is room, and a
// piece is never larger than what then fits: PIPE_BUF into a pipe, one byte into a terminal.
// Not promised: a file on a disk that hangs. The system says of every file that it is ready.

import { constants, fstatSync } from "node:fs";
import { endianness } from "node:os";
import { isatty } from "node:tty";
import { errno } from "./errno.ts";
import { libc, systemCall } from "./libc.ts";

/** PIPE_BUF of Linux. */
const largestPieceBytes = 4096;
/** poll.h, struct pollfd: int fd, short events, short revents. */
const POLLOUT = 4;
const eventsOffset = 4;
const returnedOffset = 6;
/** fcntl.h of Linux; node:fs does not name it. */
const O_CLOEXEC = 0o2000000;

/** Bytes taken, at least one; nothing at the moment; or nothing because nobody reads it any more, the disk is full, and so on. */
export type WriteOutcome = number | "Full" | "Failed";

export class OutputDescriptor implements Disposable {
  readonly #descriptor: number;
  readonly #isOwn: boolean;
  readonly #pieceBytes: number;
  readonly #question = new Uint8Array(8);

  constructor(descriptor: number) {
    const own = openAgain(descriptor);
    this.#isOwn = own !== undefined;
    this.#descriptor = own ?? descriptor;
    this.#pieceBytes = own === undefined && isatty(descriptor) ? 1 : largestPieceBytes;
    const view = new DataView(this.#question.buffer);
    view.setInt32(0, this.#descriptor, endianness() === "LE");
    view.setInt16(eventsOffset, POLLOUT, endianness() === "LE");
  }

  tryWrite(bytes: Uint8Array): WriteOutcome {
    if (!this.#hasRoom()) return "Full";
    const result = libc.write(this.#descriptor, bytes, Math.min(bytes.byteLength, this.#pieceBytes));
    if (result > 0) return result;
    return result === -errno.EAGAIN || result === -errno.EINTR ? "Full" : "Failed";
  }

  [Symbol.dispose](): void {
    if (this.#isOwn) libc.close(this.#descriptor);
  }

  /** Also true when a write would fail: that fails without waiting. */
  #hasRoom(): boolean {
    const ready = libc.poll(this.#question, 1, 0);
    return ready > 0 && new DataView(this.#question.buffer).getInt16(returnedOffset, endianness() === "LE") !== 0;
  }
}

/** Undefined for what needs no second opening (a file, whose place in the text it would lose) or allows none. */
function openAgain(descriptor: number): number | undefined {
  const state = systemCall("fstat", () => fstatSync(descriptor));
  if (typeof state === "number" || !(state.isFIFO() || isatty(descriptor))) return undefined;
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC;
  const opened = libc.open(`/proc/self/fd/${descriptor}`, flags);
  return opened < 0 ? undefined : opened;
}
