// The TCP connection below TLS. The TLS library works off whatever a device sends, asked for or not: session tickets, key updates, empty
// records and requests to renegotiate never reach the reader of replies, which could refuse them, and each costs time or memory.
//
// It promises: TLS gets at most one small piece in a turn of the event loop, so that other connections get theirs; a device that sends more than
// a handshake, or later more than the reply to a request, can need is dropped. Pieces wait with the kernel, which slows the sender down.

import type { OnReadOpts, Socket } from "node:net";
import { Duplex } from "node:stream";

/** Certificates are the most of a handshake; OpenSSL itself takes chains of up to 100 KiB. */
export const HANDSHAKE_BYTES = 256 * 1024;
/** A reply has at most 260 bytes. Were each of them a record of its own, with the largest padding of a block cipher, it would need less. */
export const REPLY_BYTES = 32 * 1024;
const PIECE_BYTES = 2048;

/** The device sent more than it can have had reason to. */
export class FloodError extends Error {
  override readonly name = "FloodError";
  readonly mostBytes: number;

  constructor(mostBytes: number) {
    super(`more than ${mostBytes} bytes came`);
    this.mostBytes = mostBytes;
  }
}

export class MeteredLine extends Duplex {
  /** Of what is sent and received it knows the bytes; its events tell how far the connection has come. */
  readonly socket: Socket;
  readonly #askedBytes: () => number;
  #askedBefore = 0;
  #mostBytes = HANDSHAKE_BYTES;
  #cameBytes = 0;

  /** `connect`: with these options. `askedBytes`: how much was sent through TLS so far. When it has grown, a request was sent, and a reply may come. */
  constructor(connect: (onread: OnReadOpts) => Socket, askedBytes: () => number) {
    super();
    this.#askedBytes = askedBytes;
    const buffer = new Uint8Array(PIECE_BYTES);
    const callback = (lengthBytes: number): boolean => {
      this.#received(buffer, lengthBytes);
      return false; // reads no more until it is asked to
    };
    this.socket = connect({ buffer, callback });
    this.socket.once("end", () => this.push(null));
    this.socket.on("error", (error) => this.destroy(error));
    this.socket.once("close", () => this.destroy());
  }

  #received(buffer: Uint8Array, lengthBytes: number): void {
    const asked = this.#askedBytes();
    if (asked !== this.#askedBefore) {
      this.#askedBefore = asked;
      this.#mostBytes = REPLY_BYTES;
      this.#cameBytes = 0;
    }
    this.#cameBytes += lengthBytes;
    if (this.#cameBytes > this.#mostBytes) this.destroy(new FloodError(this.#mostBytes));
    else this.push(Buffer.from(buffer.subarray(0, lengthBytes)));
  }

  override _read(): void {
    setImmediate(() => this.socket.resume());
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
