// The line to an OPC UA server stays, and what comes over it is late, in pieces, spoiled, or nothing that OPC UA knows. What a
// subscribed server sends late or with one wrong bit: opcua-subscribed-line.test.ts.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../fuzzing/random.ts";
import { fault, times } from "./fault.ts";
import { intervalMs, linesOfFile, subscribed, timeoutMs, type Scene, type Victim } from "./opcua-lines.ts";
import { bodyOffset, isChunk, requestOffset, sequenceOffset } from "./ua-chunk.ts";

const server = linesOfFile("usual");
/** For what a busy machine adds to the age of a value. */
const busyMs = 900;

/** Keeps the next answer to a poll, and all that follows, for so long. */
function holdAnswer({ line }: Victim, heldMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  line.onBytes = (direction, bytes) => {
    if (direction === "to server" || !isChunk(bytes, "ReadResponse")) return;
    line.onBytes = () => {};
    line.faults.hold = true;
    void pause(heldMs).then(() => resolve(line.mend()));
  };
  return promise;
}

fault({
  area: "OPC UA server",
  trigger: "an answer is held back and comes late: within the time-out, just after it, long after it",
  holds:
    "what comes after the time-out is never shown, and a value never looks good for longer than interval + timeout",
  run: async (t) => {
    // After the time-out there is a tenth of a second in which the connection is still open.
    const heldMs = [timeoutMs / 2, timeoutMs + 30, timeoutMs + 60, timeoutMs + 90, 3 * timeoutMs];
    const scene = await server().scene(
      t,
      heldMs.map(() => ({})),
      { oldestGoodMs: intervalMs + timeoutMs + busyMs },
    );
    await scene.allGood();
    for (let time = times({ quick: 1, usual: 1, long: 20 }); time > 0; time--) {
      const held = scene.victims.map((victim, index) => holdAnswer(victim, heldMs[index] ?? 0));
      await Promise.all(held);
      await scene.recovers();
    }
    const [inTime, ...late] = scene.aliases.map((alias) => scene.health(alias));
    assert.deepEqual(inTime?.failures, {}, "an answer within the time-out is in time");
    for (const { failures, server: alias } of late) assert.ok((failures.Timeout ?? 0) > 0, alias);
    await scene.end();
  },
});

const oneWayMs = 120;

fault({
  area: "OPC UA server",
  trigger: "it answers slower than the interval",
  holds:
    "values keep coming, none is older than the way explains, missed polls are counted, and a connect comes through",
  run: async (t) => {
    const pollMs = 2 * oneWayMs;
    const scene = await server().scene(t, [{}], { oldestGoodMs: oneWayMs + pollMs + intervalMs + busyMs });
    const { line, alias } = scene.victim(0);
    await scene.allGood();
    const before = scene.health(alias).overruns;
    line.faults.delayMs = oneWayMs;
    await scene.polledAgain(5);
    const { overruns, failures } = scene.health(alias);
    // A poll takes three intervals: the instants in between are missed.
    assert.ok(overruns - before >= 5, `${overruns - before} overruns`);
    assert.deepEqual(failures, {});
    line.cut();
    await scene.allBad();
    await scene.partition.untilGood(alias);
    await scene.recovers();
    await scene.end();
  },
});

/** How values come from a server, and in which message. */
const ways = [
  { way: "", victim: {}, message: "ReadResponse" },
  { way: "subscribed to, ", victim: subscribed, message: "PublishResponse" },
] as const;

for (const { way, victim } of ways) {
  fault({
    area: "OPC UA server",
    trigger: `${way}whatever it sends comes byte by byte`,
    holds: "it connects and is read as ever, with security and without",
    run: async (t) => {
      t.after(() => server().forgetSubscriptions());
      const scene = await server().scene(t, [victim, { ...victim, isSecure: true }]);
      await scene.allGood();
      for (const { line } of scene.victims) {
        line.faults.sliceBytes = 1;
        line.cut();
      }
      await scene.allBad();
      await scene.partition.untilGood(...scene.aliases);
      const before = scene.aliases.map((alias) => scene.health(alias).failures);
      await scene.polledAgain(10);
      assert.deepEqual(
        scene.aliases.map((alias) => scene.health(alias).failures),
        before,
      );
      await scene.recovers();
      await scene.end();
    },
  });
}

const noBytes = Buffer.alloc(0);

function chunk(kind: string, sizeBytes: number, body = noBytes): Buffer {
  const head = Buffer.alloc(8);
  head.write(kind, "latin1");
  head.writeUInt32LE(sizeBytes, 4);
  return Buffer.concat([head, body]);
}

/** OPC 10000-6, 7.1.2.4: version, sizes of the buffers, no limits. */
const acknowledge = chunk("ACKF", 28, Buffer.from(Uint32Array.of(0, 65536, 65536, 0, 0).buffer));
const random = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 167 + (i >> 8) * 31) & 0xff));

type Greeting = (socket: Socket) => void;

const strangers: Readonly<Record<string, Greeting>> = {
  "a web server": (socket) => socket.write("HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\n\r\n"),
  noise: (socket) => socket.write(random),
  "a chunk of 4 GiB": (socket) => forEver(socket, chunk("ACKF", 0xffff_ffff), random, 5),
  "a chunk of no bytes": (socket) => socket.write(chunk("ACKF", 0)),
  "a chunk that is its head": (socket) => socket.write(chunk("ACKF", 8)),
  "a message before the acknowledgement": (socket) => socket.write(chunk("MSGF", 32, random.subarray(0, 24))),
  "an error": (socket) => socket.write(chunk("ERRF", 16, Buffer.from(Uint32Array.of(0x80820000, 0xffff_ffff).buffer))),
  "acknowledgement, then noise": (socket) => socket.write(Buffer.concat([acknowledge, random])),
  "acknowledgement, then a chunk of 4 GiB": (socket) =>
    forEver(socket, Buffer.concat([acknowledge, chunk("OPNF", 0xffff_ffff)]), random, 5),
  "acknowledgement without end": (socket) => forEver(socket, noBytes, acknowledge, 1),
  "one byte now and then": (socket) => forEver(socket, noBytes, Buffer.from("A"), 100),
};

function forEver(socket: Socket, first: Buffer, next: Buffer, everyMs: number): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(next), everyMs);
  socket.on("close", () => clearInterval(timer));
}

/** Port of a listener that greets so. */
async function startStranger(t: TestContext, greet: Greeting): Promise<number> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined).resume());
    socket.on("close", () => sockets.delete(socket));
    greet(socket);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    listener.close();
    await once(listener, "close");
  });
  return (listener.address() as AddressInfo).port;
}

const strangeMs = 2000;
const mostGrowthBytes = 128 * 1024 * 1024;

function residentBytes({ partition }: Scene): number {
  const pages = readFileSync(`/proc/${partition.child.processId}/statm`, "latin1").split(" ")[1];
  return Number(pages) * 4096;
}

fault({
  area: "OPC UA server",
  trigger: "something else listens at its place, and greets with garbage",
  holds:
    "each is told with a reason, costs a connection per attempt and no memory, and the server is good when it is back",
  run: async (t) => {
    const names = Object.keys(strangers);
    const ports = await Promise.all(Object.values(strangers).map((greet) => startStranger(t, greet)));
    let isThere = true;
    const scene = await server().scene(
      t,
      ports.map((port) => ({ target: () => (isThere ? server().port : port) })),
    );
    await scene.allGood();
    const before = residentBytes(scene);
    isThere = false;
    for (const { line } of scene.victims) line.cut();
    await scene.allBad();
    await pause(strangeMs);
    const reasons =
      /no answer came|before a channel was open$|it sends what is no message of a secure channel$|does not speak OPC UA$|the server answers BadTcpInternalError$/;
    scene.aliases.forEach((alias, index) => {
      const { state, lastError } = scene.health(alias);
      const what = `${names[index]}: ${lastError}`;
      assert.notEqual(state, "connected", what);
      assert.match(lastError, reasons, what);
    });
    const grownBytes = residentBytes(scene) - before;
    assert.ok(grownBytes < mostGrowthBytes, `the partition has grown by ${grownBytes} bytes`);
    isThere = true;
    await scene.recovers();
    await scene.end();
  },
});

function withNumber(bytes: Buffer, offset: number, change: (number: number) => number): Buffer {
  const spoiled = Buffer.from(bytes);
  spoiled.writeUInt32LE(change(bytes.readUInt32LE(offset)) >>> 0, offset);
  return spoiled;
}

/**
 * What becomes of the answers to polls; none of it is a value that a server without security might have meant. The numbers of
 * channel and token are not among them: node-opcua does not look at them without security, and a connection has only one of each.
 */
const spoilings: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "noise of the same size": (bytes) => random.subarray(0, bytes.length),
  "noise in an honest head": (bytes) =>
    Buffer.concat([bytes.subarray(0, bodyOffset), random.subarray(0, bytes.length - bodyOffset)]),
  "noise after an honest type": (bytes) =>
    Buffer.concat([bytes.subarray(0, bodyOffset + 4), random.subarray(0, bytes.length - bodyOffset - 4)]),
  "a size that is too small": (bytes) => withNumber(bytes, 4, (size) => size - 10),
  "a size that is too large": (bytes) => withNumber(bytes, 4, (size) => size + 10),
  "another sequence number": (bytes) => withNumber(bytes, sequenceOffset, (number) => number + 1000),
  "another request": (bytes) => withNumber(bytes, requestOffset, (request) => request + 1000),
  "the end is missing": (bytes) => withNumber(bytes.subarray(0, -9), 4, (size) => size - 9),
};

for (const { way, victim, message } of ways) {
  fault({
    area: "OPC UA server",
    trigger: `${way}garbage comes in place of its ${message === "ReadResponse" ? "answers to a poll" : "messages"}`,
    holds: "nothing of it is shown as a value, the reason is told, and the server is good with the next honest message",
    run: async (t) => {
      t.after(() => server().forgetSubscriptions());
      // A publication that is cut or has another number is one that was lost: opcua-subscription.test.ts.
      const spoiling = Object.entries(spoilings).filter(([what]) => way === "" || what.startsWith("noise"));
      const scene = await server().scene(
        t,
        spoiling.map(() => victim),
      );
      await scene.allGood();
      spoiling.forEach(([, spoil], index) => {
        scene.victim(index).line.faults.spoil = (direction, bytes) =>
          direction === "to client" && isChunk(bytes, message) ? spoil(bytes) : bytes;
      });
      const reasons =
        /^the connection to \S+ was lost$|^cannot (?:read|receive changes) from .* because (?:no answer came|it sends what (?:is no response|cannot be taken))/;
      const hasFailed = (alias: string): boolean =>
        failuresOf(scene, alias) > 1 && reasons.test(scene.health(alias).lastError);
      // A whole message whose content cannot be decoded costs what was asked for, and not the connection.
      const isRefused = (alias: string): boolean => scene.health(alias).pointsBad === scene.health(alias).points;
      const undecodable = scene.aliases[spoiling.findIndex(([what]) => what === "the end is missing")];
      await scene.partition.until("each has failed again and again, and told why", () =>
        scene.aliases.every((alias) => (alias === undecodable ? isRefused(alias) : hasFailed(alias))),
      );
      await scene.recovers();
      await scene.end();
    },
  });
}

fault({
  area: "OPC UA server",
  trigger: "one bit of what it sends is wrong, with security",
  holds: "that answer is not believed, whichever bit it is, and the next connection is good",
  limitMs: 600_000,
  run: async (t) => {
    const seed = Number(process.env["CPC_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`seed ${seed}`);
    const scene = await server().scene(
      t,
      Array.from({ length: 8 }, () => ({ isSecure: true })),
    );
    await scene.allGood();
    for (let time = times({ quick: 1, usual: 2, long: 100 }); time > 0; time--) {
      const failed = scene.aliases.map((alias) => failuresOf(scene, alias));
      scene.victims.forEach(({ line }, index) => {
        const randomOfVictim = new Random(seed, 1000 * time + index);
        line.faults.spoil = (direction, bytes) => {
          // Endpoints are asked for without security first.
          const isPlain = bytes.toString("latin1", 0, 3) !== "MSG" || isChunk(bytes, "GetEndpointsResponse");
          if (direction === "to server" || isPlain) return bytes;
          line.faults.spoil = undefined;
          const spoiled = Buffer.from(bytes);
          const bit = randomOfVictim.below(8 * bytes.length);
          spoiled[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          return spoiled;
        };
      });
      await scene.partition.until("each wrong bit is noticed", () =>
        scene.aliases.every((alias, index) => failuresOf(scene, alias) > (failed[index] ?? 0)),
      );
      await scene.recovers();
    }
    await scene.end();
  },
});

function failuresOf(scene: Scene, alias: string): number {
  return Object.values(scene.health(alias).failures).reduce((sum, count) => sum + count, 0);
}
