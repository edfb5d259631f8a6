// Reads a connection chunk by chunk, and never more of it than others can bear: once in a turn of the event loop, and not at all while a large
// message waits to be decoded (turns.ts). A server that floods fills its own line and waits there.

import type { Socket } from "node:net";
import { ChunkAssembler, ChunkError, type Chunk } from "./chunk-assembler.ts";
import { turns } from "./turns.ts";

/** What the runtime reads at most at once: there is probably more. */
const fullReadBytes = 65_536;
/** A message that is smaller cannot take long, whatever is in it. */
const smallMessageBytes = 8192;

/** `pass` gets each chunk as a whole, and what is no chunk as it came; chunks are no larger than `mostBytes` says at that time. */
export function readPaced(socket: Socket, mostBytes: () => number, pass: (bytes: Buffer) => void): void {
  const reading = new PacedReading(socket, mostBytes, pass);
  socket.on("data", (bytes: Buffer) => reading.arrived(bytes));
}

class PacedReading {
  readonly #socket: Socket;
  readonly #pass: (chunk: Buffer) => void;
  readonly #assembler: ChunkAssembler;
  /** Of the message whose chunks arrive. */
  #messageBytes = 0;
  #isWaiting = false;

  constructor(socket: Socket, mostBytes: () => number, pass: (bytes: Buffer) => void) {
    this.#socket = socket;
    this.#pass = pass;
    this.#assembler = new ChunkAssembler(mostBytes);
  }

  arrived(bytes: Buffer): void {
    this.#assembler.add(bytes);
    if (bytes.length >= fullReadBytes || this.#isWaiting) this.#pauseForATurn();
    if (!this.#isWaiting) this.#work();
  }

  #pauseForATurn(): void {
    this.#socket.pause();
    setImmediate(() => {
      if (!this.#isWaiting) this.#socket.resume();
    });
  }

  #work(): void {
    for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) {
      this.#messageBytes += chunk.bytes.length;
      const { isFinal } = chunk;
      if (isFinal && this.#messageBytes > smallMessageBytes) {
        this.#waitForTurn(chunk);
        return;
      }
      if (isFinal) this.#messageBytes = 0;
      this.#pass(chunk.bytes);
    }
  }

  #waitForTurn({ bytes }: Chunk): void {
    this.#isWaiting = true;
    turns.wait(this.#messageBytes, () => {
      this.#isWaiting = false;
      this.#messageBytes = 0;
      if (this.#socket.destroyed) return;
      this.#pass(bytes);
      this.#socket.resume();
      this.#work();
    });
  }

  #next(): Chunk | undefined {
    if (this.#socket.destroyed) return undefined;
    try {
      return this.#assembler.take();
    } catch (error) {
      if (!(error instanceof ChunkError)) throw error;
      this.#pass(error.bytes);
      return undefined;
    }
  }
}
