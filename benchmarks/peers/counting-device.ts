// A Modbus device whose registers count its replies: register N of reply R holds R + N, modulo 65536. Says {"port": ...} and ends with its input.

import { createServer } from "node:net";

const requestBytes = 12;
const headBytes = 9;
let replies = 0;

function replyTo(request: Buffer): Buffer {
  const count = request.readUInt16BE(10);
  const reply = Buffer.alloc(headBytes + 2 * count);
  request.copy(reply, 0, 0, 8);
  reply.writeUInt16BE(3 + 2 * count, 4);
  reply[8] = 2 * count;
  for (let register = 0; register < count; register++)
    reply.writeUInt16BE((replies + register) % 65_536, headBytes + 2 * register);
  replies++;
  return reply;
}

const server = createServer((socket) => {
  let pending = Buffer.alloc(0);
  socket.on("error", () => {}); // the partition has gone
  socket.on("data", (data) => {
    pending = Buffer.concat([pending, data]);
    for (; pending.length >= requestBytes; pending = pending.subarray(requestBytes))
      socket.write(replyTo(pending.subarray(0, requestBytes)));
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
process.stdin.on("end", () => process.exit(0)).resume();
