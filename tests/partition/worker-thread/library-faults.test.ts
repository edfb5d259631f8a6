import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import { Partition } from "../../../packages/partition/src/main-thread/partition.ts";
import { configuredServer } from "../../plant/opcua-server.ts";
import { recordingLog } from "../sources/test-source.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";

const watchdog = { timeout: 200_000 };

/** An Acknowledge message (OPC 10000-6, 7.1.2.4) whose buffers have no room for anything. */
function absurdAcknowledge(): Buffer {
  const message = Buffer.alloc(28);
  message.write("ACKF", "latin1");
  message.writeUInt32LE(message.length, 4);
  for (let offset = 8; offset < message.length; offset += 4) message.writeUInt32LE(1, offset);
  return message;
}

test("a server that acknowledges nonsense loses its own connection and ends no thread", watchdog, async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("data", () => socket.write(absurdAcknowledge()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const certificatesDirectory = mkdtempSync(join(tmpdir(), "cpc-faults-"));
  t.after(() => rmSync(certificatesDirectory, { recursive: true }));

  const url = `opc.tcp://127.0.0.1:${(server.address() as AddressInfo).port}/absurd`;
  const opcUaServer = configuredServer(url, { policy: "None", mode: "None", timeoutMs: 200, retryIntervalMs: 20 });
  const { lines, log } = recordingLog();
  const partition = new Partition({
    ...packConfigurations({ opcua: { servers: [opcUaServer] } }),
    intervalMs: 100,
    prefix: ownPrefix(t),
    certificatesDirectory,
    removeOnExit: true,
    log,
  });
  partition.start();
  t.after(() => partition.stop());
  while (sockets.size < 4) await pause(5);
  const logged = lines.filter(({ level }) => level === "error").map(({ message }) => message);
  assert.deepEqual(logged, []);
  assert.ok(lines.some(({ level, message }) => level === "warn" && message.startsWith("cannot connect")));
});

test("a fault in the library's own callback is told once and survived", watchdog, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-faults-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const library = join(folder, "node_modules", "node-opcua-sample");
  mkdirSync(library, { recursive: true });
  writeFileSync(
    join(library, "index.cjs"),
    "exports.fault = () => setTimeout(() => { throw new Error('theirs'); }, 0);",
  );
  const faults = JSON.stringify(
    new URL("../../../packages/partition/src/worker-thread/library-faults.ts", import.meta.url).href,
  );
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const { fault } = require(${JSON.stringify(join(library, "index.cjs"))});
     import(${faults}).then(({ surviveFaultsOf }) => {
       surviveFaultsOf("node-opcua-", (level, message) => parentPort.postMessage([level, message]));
       fault();
       fault();
       setTimeout(() => parentPort.postMessage("alive"), 20);
     });`,
    { eval: true },
  );
  const messages: unknown[] = [];
  worker.on("message", (message) => messages.push(message));
  await once(worker, "exit");
  const logged = "a server sent what the protocol library cannot cope with; its connection will time out";
  assert.deepEqual(messages, [["error", logged], "alive"]);
});

test("a fault of our own ends the thread all the same, and it closes what it has", watchdog, async () => {
  const faults = JSON.stringify(
    new URL("../../../packages/partition/src/worker-thread/library-faults.ts", import.meta.url).href,
  );
  const hasClosed = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { workerData } = require("node:worker_threads");
     import(${faults}).then(({ surviveFaultsOf }) => {
       surviveFaultsOf("node-opcua-", () => {});
       process.once("exit", () => Atomics.store(workerData, 0, 1));
       setTimeout(() => { throw new Error("ours"); }, 0);
       setInterval(() => {}, 1000);
     });`,
    { eval: true, workerData: hasClosed },
  );
  const [error] = (await once(worker, "error")) as [Error];
  assert.equal(error.message, "ours");
  assert.equal(Atomics.load(hasClosed, 0), 1);
});
