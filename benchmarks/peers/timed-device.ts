// A Modbus device that takes a millisecond for each answer, one request after the other, and notes when the requests for register 0 came, in
// milliseconds. The first four registers of an answer are an Int64: the wall clock in ns when it was sent. Says {"port": ...}, for each line of input {"startsMs": [...]} since the line before, and ends with its input.

import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { wallClockNs } from "../../packages/image/src/posix/wall-clock.ts";

const requestBytes = 12;
const headBytes = 9;
const answerAfterMs = 1;
let startsMs: number[] = [];

function replyTo(request: Buffer): Buffer {
  const count = request.readUInt16BE(10);
  const reply = Buffer.alloc(headBytes + 2 * count);
  request.copy(reply, 0, 0, 8);
  reply.writeUInt16BE(3 + 2 * count, 4);
  reply[8] = 2 * count;
  if (count >= 4) reply.writeBigInt64BE(wallClockNs(), headBytes);
  return reply;
}

/** Its requests wait for each other. */
function serve(socket: Socket): void {
  const waiting: Buffer[] = [];
  const answerNext = (): void => {
    setTimeout(() => {
      const [request] = waiting;
      if (request === undefined) return;
      socket.write(replyTo(request));
      waiting.shift();
      if (waiting.length > 0) answerNext();
    }, answerAfterMs);
  };
  let pending = Buffer.alloc(0);
  socket.on("error", () => {}); // the partition has gone
  socket.on("data", (data) => {
    pending = Buffer.concat([pending, data]);
    for (; pending.length >= requestBytes; pending = pending.subarray(requestBytes)) {
      if (pending.readUInt16BE(8) === 0) startsMs.push(performance.now());
      if (waiting.push(pending.subarray(0, requestBytes)) === 1) answerNext();
    }
  });
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
createInterface({ input: process.stdin })
  .on("line", () => {
    process.stdout.write(`${JSON.stringify({ startsMs })}\n`);
    startsMs = [];
  })
  .on("close", () => process.exit(0));
