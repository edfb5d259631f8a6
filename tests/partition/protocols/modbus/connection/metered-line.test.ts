// The line below TLS against a peer that sends as fast as it can: how much gets through, and how much in one turn of the event loop.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type OnReadOpts, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import {
  FloodError,
  HANDSHAKE_BYTES,
  MeteredLine,
  REPLY_BYTES,
} from "../../../../../packages/partition/src/protocols/modbus/connection/metered-line.ts";

function dialled(port: number) {
  return (onread: OnReadOpts): Socket => connect({ port, host: "127.0.0.1", onread });
}

async function lineTo(
  t: TestContext,
  serve: (socket: Socket) => void,
  askedBytes = (): number => 0,
): Promise<MeteredLine> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const line = new MeteredLine(dialled((server.address() as AddressInfo).port), askedBytes);
  t.after(() => {
    line.destroy();
    server.close();
  });
  return line;
}

function flood(socket: Socket): void {
  const piece = Buffer.alloc(64 * 1024, 7);
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", more);
  more();
}

async function cameUntilDropped(line: MeteredLine): Promise<{ readonly bytes: number; readonly error: unknown }> {
  let bytes = 0;
  line.on("data", (chunk: Buffer) => (bytes += chunk.length));
  const [error] = (await once(line, "error")) as [unknown];
  return { bytes, error };
}

test("before anything was asked, as much comes as a handshake may have, and then the line is dropped", async (t) => {
  const line = await lineTo(t, flood);
  const { bytes, error } = await cameUntilDropped(line);
  assert.ok(error instanceof FloodError && error.mostBytes === HANDSHAKE_BYTES);
  assert.ok(bytes <= HANDSHAKE_BYTES && bytes > HANDSHAKE_BYTES / 2, `${bytes} bytes came`);
  assert.ok(line.socket.destroyed);
});

test("after a request as much comes as a reply may need, however often something was asked before", async (t) => {
  let asked = 0;
  const line = await lineTo(
    t,
    (socket) => socket.on("data", (chunk) => String(chunk) === "flood" && flood(socket)),
    () => asked,
  );
  for (let request = 0; request < 20; request++) asked += 12;
  line.write("flood");
  const { bytes, error } = await cameUntilDropped(line);
  assert.ok(error instanceof FloodError && error.mostBytes === REPLY_BYTES);
  assert.ok(bytes <= REPLY_BYTES, `${bytes} bytes came`);
});

test("replies to many requests are many times what one reply may need", async (t) => {
  let asked = 0;
  const reply = Buffer.alloc(REPLY_BYTES - 1);
  const line = await lineTo(
    t,
    (socket) => socket.on("data", () => socket.write(reply)),
    () => asked,
  );
  for (let request = 0; request < 20; request++) {
    asked += 12;
    line.write("?");
    for (let bytes = 0; bytes < reply.length;) {
      const chunk = line.read() as Buffer | null;
      if (chunk === null) await once(line, "readable");
      else bytes += chunk.length;
    }
  }
});

test("one small piece comes in a turn of the event loop, though much more waits", async (t) => {
  const line = await lineTo(t, flood);
  let inThisTurn = 0;
  let most = 0;
  let isOver = false;
  line.on("data", (chunk: Buffer) => (most = Math.max(most, (inThisTurn += chunk.length))));
  const turn = (): void => {
    inThisTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  turn();
  await once(line, "error");
  isOver = true;
  assert.ok(most > 0 && most <= 4096, `${most} bytes came in one turn`);
});

test("what was ended by the peer, or never began, ends the line", async (t) => {
  const ended = await lineTo(t, (socket) => socket.end("bye"));
  ended.resume();
  await once(ended, "end");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const refused = new MeteredLine(dialled(port), () => 0);
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
});
