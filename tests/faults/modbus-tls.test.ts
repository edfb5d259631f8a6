// Modbus/TCP Security goes wrong: certificates that must be refused, peers that are none, handshakes that never end.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Wishes } from "../plant/certificate-folder.ts";
import { startBornDevice } from "./born-modbus.ts";
import { fault, times } from "./fault.ts";
import { SecurePlant } from "./secure-plant.ts";
import { retryMs } from "./modbus-scene.ts";
import { Stopwatch } from "./stopwatch.ts";
import { TcpProxy } from "../plant/tcp-proxy.ts";

/** After a refusal it is not tried again before: refusals must flood nobody's log, and lock nobody out. */
const refusalMs = 60_000;

const refusals: readonly (readonly [
  trigger: string,
  because: RegExp,
  wishes: (plant: SecurePlant) => Promise<Wishes> | Wishes,
])[] = [
  ["its certificate is expired", /expired/, () => ({ validFromDays: -10, validToDays: -1 })],
  ["its certificate is not valid yet", /not valid yet|not yet valid/, () => ({ validFromDays: 1 })],
  ["its certificate is for another name", /127\.0\.0\.1/, () => ({ names: ["10.9.8.7"] })],
  [
    "its certificate is from an authority that nobody knows",
    /issue|authority/,
    async ({ folder }) => ({ issuer: await folder.make("Other CA", { isAuthority: true }) }),
  ],
];

for (const [trigger, because, wishes] of refusals) {
  fault({
    area: "Modbus server",
    trigger: `TLS: ${trigger}`,
    holds: "nothing is read from it, status says why, it is tried once a minute, and the neighbour goes on",
    run: async (t) => {
      const plant = await SecurePlant.start(t);
      const front = await plant.front("device", await wishes(plant));
      const proxy = await TcpProxy.start(front.port);
      t.after(() => proxy.close());
      const scene = await plant.scene(proxy.port);
      await scene.isFailing("SecurityRefused", because);
      await pause(times({ quick: 1, usual: 3 * retryMs, long: 20_000 }));
      assert.equal(proxy.connections, 1);
      await scene.partition.untilGood("neighbour");
      await scene.partition.end();
    },
  });
}

/** What no device of the protocol does: it takes whatever comes, answers nothing and closes nothing. */
async function startMutePeer(t: TestContext): Promise<Peer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket.on("error", () => {}).resume());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
  };
}

interface Peer {
  readonly port: number;
  readonly connections: number;
}

for (const [trigger, because, start] of [
  ["the peer is a plain Modbus device", /TLS/, async (t: TestContext): Promise<Peer> => await startBornDevice(t, 0)],
  [
    "the peer accepts and never says a word of the handshake",
    /the TLS handshake had no end within 3000 ms/,
    startMutePeer,
  ],
] as const) {
  fault({
    area: "Modbus server",
    trigger: `TLS: ${trigger}`,
    holds: "nothing is read from it, status says why, it is tried once a minute, and the neighbour goes on",
    run: async (t) => {
      const plant = await SecurePlant.start(t);
      const peer = await start(t);
      const scene = await plant.scene(peer.port);
      await scene.isFailing("SecurityRefused", because);
      await pause(times({ quick: 1, usual: 3 * retryMs, long: 20_000 }));
      assert.equal(peer.connections, 1);
      await scene.partition.untilGood("neighbour");
      await scene.partition.end();
    },
  });
}

fault({
  area: "Modbus server",
  trigger: "TLS: the connection is cut and the next handshake stalls",
  holds: "its values are bad with the cut, and status says that the handshake had no end",
  run: async (t) => {
    const plant = await SecurePlant.start(t);
    const { proxy, scene } = await plant.sceneBehindProxy();
    await scene.isHealthy();
    proxy.faults.drop = new Set(["to client"]);
    proxy.cut();
    await scene.isFailing("SecurityRefused", /the TLS handshake had no end within 3000 ms/);
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "TLS: the device falls silent in the middle of an encrypted connection",
  holds: "its values are bad after one time-out, and back with the next connect: silence is no refusal",
  run: async (t) => {
    const plant = await SecurePlant.start(t);
    const { proxy, scene } = await plant.sceneBehindProxy(2000);
    await scene.isHealthy();
    proxy.faults.drop = new Set(["to client"]);
    await scene.isFailing("Timeout", /unit id 1 did not answer within 3000 ms/);
    proxy.mend();
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "TLS: the device comes back with an expired certificate, which is then renewed",
  holds: "its values are bad from the loss on, status says why, and they are back within a minute of the renewal",
  extent: "long",
  limitMs: 3 * refusalMs,
  run: async (t) => {
    const plant = await SecurePlant.start(t);
    const good = await plant.front("device");
    const expired = await plant.front("old device", { validFromDays: -10, validToDays: -1 });
    const renewed = await plant.front("new device");
    let target = good;
    const proxy = await TcpProxy.start(() => target.port);
    t.after(() => proxy.close());
    const scene = await plant.scene(proxy.port);
    await scene.isHealthy();
    target = expired;
    proxy.cut();
    await scene.isFailing("SecurityRefused", /expired/);
    target = renewed;
    const stopwatch = new Stopwatch(scene.partition.child.processId);
    while (!scene.partition.witness.isGood("victim")) {
      assert.ok(scene.partition.child.isRunning, "the partition runs");
      await pause(100);
    }
    const { isWithin, text } = stopwatch.stop(refusalMs + 5000);
    assert.ok(isWithin, `good again after ${text}`);
    assert.equal(expired.handshakes.length, 0);
    await scene.partition.end();
  },
});
