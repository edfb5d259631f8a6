// Modbus devices that answer every read at once, as many as asked for, each on a port of its own, in one process. Register N holds N.
// Says {"ports": [...]} and ends with its input.
//
//   memory-devices.ts COUNT

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

const requestBytes = 12;
const headBytes = 9;

function replyTo(request: Buffer): Buffer {
  const address = request.readUInt16BE(8);
  const count = request.readUInt16BE(10);
  const reply = Buffer.alloc(headBytes + 2 * count);
  request.copy(reply, 0, 0, 8);
  reply.writeUInt16BE(3 + 2 * count, 4);
  reply[8] = 2 * count;
  for (let index = 0; index < count; index++) reply.writeUInt16BE((address + index) & 0xffff, headBytes + 2 * index);
  return reply;
}

function serve(socket: Socket): void {
  let pending = Buffer.alloc(0);
  socket.on("error", () => {}); // the partition has gone
  socket.on("data", (data) => {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    for (; pending.length >= requestBytes; pending = pending.subarray(requestBytes))
      socket.write(replyTo(pending.subarray(0, requestBytes)));
  });
}

const ports = await Promise.all(
  Array.from({ length: Number(process.argv[2]) }, async () => {
    const server = createServer(serve).listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }),
);
process.stdout.write(`${JSON.stringify({ ports })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
