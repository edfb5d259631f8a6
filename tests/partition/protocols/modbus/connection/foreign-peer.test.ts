import assert from "node:assert/strict";
import { test } from "node:test";

import { foreignPeer } from "../../../../../packages/partition/src/protocols/modbus/connection/foreign-peer.ts";
import { point } from "../../../../plant/modbus-points.ts";
import { connected, poll, running } from "../../../../plant/modbus-rig.ts";

const peers: readonly (readonly [what: string, sends: Buffer, says: RegExp])[] = [
  ["a web server", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /a web server \(HTTP\) answers there: set <port>/],
  ["an SSH server", Buffer.from("SSH-2.0-OpenSSH_9.9\r\n"), /an SSH server answers there: set <port>/],
  ["an OPC UA server", Buffer.from("ERRF\x10\0\0\0\0\0\x7e\x80\0\0\0\0", "latin1"), /OPC UA server.*the OPC UA file/],
  ["TLS", Buffer.from([0x15, 3, 3, 0, 2, 2, 0x28]), /answers with TLS: add <tls>/],
  ["RTU frames", Buffer.from([1, 3, 2, 0x12, 0x34, 0xb5, 0x33]), /Modbus RTU frames.*set the gateway to Modbus TCP/],
  [
    "text",
    Buffer.from("220 ftp.plant.example ready\r\n"),
    /text \("220 ftp\.plant\.example"?.*no Modbus TCP device: set <port>/,
  ],
];

for (const [what, sends, says] of peers) {
  test(`${what} on the Modbus port is told for what it is, with the remedy`, async () => {
    const plant = await connected([point(0)], () => sends);
    await assert.rejects(poll(plant), (error: Error) => {
      assert.match(error.message, /a reply had protocol id \d+ where 0 was due; /);
      assert.match(error.message, says);
      return true;
    });
  });
}

test("a banner that comes before anything was asked is told, too", async () => {
  const plant = await connected([point(0)], () => undefined, { timeoutMs: 400 });
  await poll(plant).catch(() => undefined);
  plant.device.onConnection = (socket) => socket.write("SSH-2.0-dropbear\r\n");
  await plant.client.connect(running);
  await assert.rejects(async () => {
    for (;;) await poll(plant);
  }, /an SSH server answers there/);
});

test("bytes that say nothing are not guessed at", () => {
  assert.equal(foreignPeer(Buffer.from([0, 1, 0, 9, 0, 5, 1, 3]), undefined), undefined);
  assert.equal(foreignPeer(Buffer.from([0xde, 0xad, 0xbe, 0xef]), undefined), undefined);
});
