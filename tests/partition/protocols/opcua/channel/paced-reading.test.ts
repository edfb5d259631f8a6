import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { readPaced } from "../../../../../packages/partition/src/protocols/opcua/channel/paced-reading.ts";
import { chunk } from "../../../../plant/rogue-opcua.ts";

/** What is read of a socket, and whether it is read at all. */
class PacedSocket extends EventEmitter {
  destroyed = false;
  isPaused = false;
  readonly passed: number[] = [];

  /** `cutAt`: a chunk of this size costs the connection. */
  constructor(cutAt = Infinity) {
    super();
    readPaced(
      this as unknown as Socket,
      () => 1_000_000,
      (bytes) => {
        this.passed.push(bytes.length);
        this.destroyed ||= bytes.length === cutAt;
      },
    );
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  arrives(...sizes: readonly number[]): void {
    this.emit("data", Buffer.concat(sizes.map((size) => chunkOf(size))));
  }
}

function chunkOf(size: number): Buffer {
  return chunk("MSG", Buffer.alloc(size - 8));
}

test("small messages pass at once, a large one in a later turn and whatever comes behind it after it", async () => {
  const socket = new PacedSocket();
  socket.arrives(100, 8192, 9000, 200);
  assert.deepEqual(socket.passed, [100, 8192]);
  socket.arrives(300);
  assert.equal(socket.isPaused, true, "nothing more is read meanwhile");
  await nextTurn();
  assert.deepEqual(socket.passed, [100, 8192, 9000, 200, 300]);
  await nextTurn();
  assert.equal(socket.isPaused, false);
});

test("a message in several chunks waits with its last one, if all of them are large together", async () => {
  const socket = new PacedSocket();
  const first = chunkOf(9000);
  first.write("C", 3, "latin1");
  socket.emit("data", first);
  assert.deepEqual(socket.passed, [9000]);
  socket.arrives(100);
  assert.deepEqual(socket.passed, [9000]);
  await nextTurn();
  assert.deepEqual(socket.passed, [9000, 100]);
  socket.arrives(100);
  assert.deepEqual(socket.passed, [9000, 100, 100], "that is another message");
});

test("a full socket whose message waits for its turn is not read before", async () => {
  const [one, other] = [new PacedSocket(), new PacedSocket()];
  one.arrives(70_000);
  other.arrives(10_000);
  await nextTurn();
  assert.deepEqual([one.passed, one.isPaused], [[], true]);
  await nextTurn();
  assert.deepEqual([one.passed, one.isPaused], [[70_000], false]);
});

test("a socket that is full is read once in a turn", async () => {
  const socket = new PacedSocket();
  socket.arrives(...Array.from({ length: 8 }, () => 8192));
  assert.equal(socket.isPaused, true);
  await nextTurn();
  assert.equal(socket.isPaused, false);
});

test("large messages of several sockets have a turn each, the smallest first", async () => {
  const [one, other] = [new PacedSocket(), new PacedSocket()];
  one.arrives(20_000, 20_000);
  other.arrives(10_000);
  const seen: (readonly number[])[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await nextTurn();
    seen.push([one.passed.length, other.passed.length]);
  }
  assert.deepEqual(seen, [
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
});

test("nothing is passed on behind what cost the connection", () => {
  const socket = new PacedSocket(200);
  socket.arrives(100, 200, 300);
  assert.deepEqual(socket.passed, [100, 200]);
});

test("nothing is passed on of a socket that was cut", async () => {
  const socket = new PacedSocket();
  socket.arrives(9000, 100);
  socket.destroyed = true;
  await nextTurn();
  assert.deepEqual(socket.passed, []);
});
