// The connection to a Modbus device, and the process behind it, fail in every way in which they do.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { startDevice } from "../plant/modbus-device.ts";
import { Random } from "../fuzzing/random.ts";
import { startBornDevice } from "./born-modbus.ts";
import { BornServer } from "./born-server.ts";
import { fault, times } from "./fault.ts";
import { honest, intervalMs, replyTo, retryMs, startModbusScene, timeoutMs } from "./modbus-scene.ts";
import { TcpProxy } from "../plant/tcp-proxy.ts";

fault({
  area: "Modbus server",
  trigger: "it is down at the start, and comes up later",
  holds: "the neighbour is read at once, status says that nothing listens, and the values come with the device",
  run: async (t) => {
    const gone = await startDevice();
    await gone.close();
    const scene = await startModbusScene(t, { port: gone.port });
    await scene.partition.untilGood("neighbour");
    await scene.isFailing("ConnectionFailed", /nothing listens there \(ECONNREFUSED\)/);
    await startBornDevice(t, 0, gone.port);
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "it dies in the middle of a reply, and comes back",
  holds: "its points are bad at once, half a reply is no value, the neighbour goes on, and the values are back",
  extent: "quick",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    // The device is in this process, which may be slow to close.
    const scene = await startModbusScene(t, { port: device.port, victimTimeoutMs: 5000 });
    await scene.isHealthy();
    device.behaviour = (request) => {
      request.socket.end(replyTo(request).subarray(0, 15), () => void device.close());
      return undefined;
    };
    await scene.partition.untilBad("victim");
    await scene.shows("ProtocolViolation", /the device closed the connection, 15 bytes into a reply/);
    await scene.shows("ConnectionFailed", /nothing listens there/);
    await startBornDevice(t, 0, device.port);
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "it accepts connections and never answers, then does",
  holds: "status says that it did not answer in time, and the first answer is a value",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    device.behaviour = () => undefined;
    const scene = await startModbusScene(t, { port: device.port });
    await scene.isFailing("Timeout", /unit id.* answer.* within 500 ms/);
    device.behaviour = honest;
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "its process is stopped with SIGSTOP, and continued",
  holds: "its values are bad after the interval and one time-out, and good again once it runs",
  run: async (t) => {
    const device = await BornServer.start(t, "modbus", 0, 2);
    // Long enough that a second time-out would show in the age of the values.
    const scene = await startModbusScene(t, { port: device.port, victimTimeoutMs: 2000 });
    await scene.isHealthy();
    device.signal("SIGSTOP");
    await scene.isFailing("Timeout", /unit id 1 did not answer within 2000 ms/);
    // The kernel still accepts for a stopped process, so each attempt gets as far as the first poll.
    await pause(times({ quick: 1, usual: 1500, long: 30_000 }));
    assert.ok(scene.partition.witness.isBad("victim"));
    device.signal("SIGCONT");
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "its connection is cut in the middle of a reply, again and again",
  holds: "the log reports the first losses one by one and then a connection that comes and goes; the neighbour goes on",
  run: async (t) => {
    const losses = times({ quick: 12, usual: 12, long: 100 });
    const device = await startBornDevice(t, 0);
    const scene = await startModbusScene(t, { port: device.port });
    await scene.isHealthy();
    const { witness, child } = scene.partition;
    for (let loss = 0; loss < losses; loss++) {
      const lost = witness.server("victim")?.failures.ProtocolViolation ?? 0;
      device.behaviour = (request) => {
        request.socket.end(replyTo(request).subarray(0, 15));
        device.behaviour = honest;
        return undefined;
      };
      await scene.partition.until("the connection was lost", () => {
        return (witness.server("victim")?.failures.ProtocolViolation ?? 0) > lost;
      });
      await scene.recovers();
    }
    const of = (message: RegExp) => child.logged(message).filter(({ server }) => server === "victim");
    await scene.partition.until(
      "the doubled count is logged",
      () => of(/^connection lost 10 times since/).length === 1,
    );
    assert.equal(of(/^connection lost 5 times since/).length, 1);
    assert.equal(of(/^connection lost: /).length, 4);
    // After the first connect, and after each loss that was logged alone.
    assert.equal(of(/^connected$/).length, 5);
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "it needs longer for a reply than the interval",
  holds: "its values stay good and young, the polls that were missed are counted, and the neighbour keeps its pace",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const proxy = await TcpProxy.start(device.port);
    t.after(() => proxy.close());
    const scene = await startModbusScene(t, { port: proxy.port, bystanders: ["victim"] });
    await scene.isHealthy();
    proxy.faults.delayMs = 120;
    const { witness } = scene.partition;
    const cycle = witness.server("neighbour")?.cycle ?? 0;
    const overruns = (): number => witness.server("victim")?.overruns ?? 0;
    await scene.partition.until("ten polls were missed", () => overruns() >= 10);
    assert.ok((witness.server("neighbour")?.cycle ?? 0) - cycle >= 10);
    assert.equal(proxy.connections, 1);
    proxy.mend();
    const missed = overruns();
    await pause(5 * intervalMs);
    assert.ok(overruns() <= missed + 3, "polls are missed although the device is quick again");
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "replies come byte by byte, each byte delayed",
  holds: "the values are good all along, on one connection",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const proxy = await TcpProxy.start(device.port);
    t.after(() => proxy.close());
    proxy.faults.sliceBytes = 1;
    proxy.faults.delayMs = 20;
    const scene = await startModbusScene(t, { port: proxy.port, points: 30, bystanders: ["victim"] });
    await scene.isHealthy();
    await scene.partition.until("30 polls", () => (scene.partition.witness.server("victim")?.cycle ?? 0) >= 30);
    assert.equal(proxy.connections, 1);
    await scene.partition.end();
  },
});

for (const [trigger, because, close] of [
  ["it accepts and closes connections in a loop", /the device closed the connection/, "end"],
  ["it accepts and resets connections in a loop", /\(ECONNRESET\)|\(EPIPE\)/, "reset"],
] as const) {
  fault({
    area: "Modbus server",
    trigger,
    holds: "it is tried no more often than its retryInterval says, and the log tells it once",
    run: async (t) => {
      const device = await startBornDevice(t, 0);
      const scene = await startModbusScene(t, { port: device.port });
      await scene.isHealthy();
      const before = device.connections;
      const beganMs = performance.now();
      device.onConnection = (socket) => (close === "end" ? socket.end() : socket.resetAndDestroy());
      device.dropAll();
      await scene.isFailing("ConnectionFailed", because);
      await pause(times({ quick: 1, usual: 10 * retryMs, long: 200 * retryMs }));
      const attempts = device.connections - before;
      const allowed = Math.ceil((performance.now() - beganMs) / retryMs) + 1;
      assert.ok(attempts <= allowed, `${attempts} connections, and ${allowed} were allowed`);
      assert.ok(attempts >= 2, `${attempts} connections are no loop`);
      const logged = scene.partition.child.logged(/connection|listens/).filter(({ server }) => server === "victim");
      assert.ok(logged.length <= 5, `told ${logged.length} times`);
      device.onConnection = () => undefined;
      await scene.recovers();
      await scene.partition.end();
    },
  });
}

for (const [trigger, settings] of [
  ["it answers one request on each connection and then closes it", ""],
  ["it answers one request on each connection, as is configured", "<connection>perRequest</connection>"],
] as const) {
  fault({
    area: "Modbus server",
    trigger,
    holds: "its values are good all along, no loss is published, none counted, and the log warns of nothing",
    run: async (t) => {
      const device = await startBornDevice(t, 0);
      device.behaviour = (request) => {
        request.socket.end(replyTo(request));
        return undefined;
      };
      // Several requests in each poll.
      const limits = "<maxRegistersPerRequest>4</maxRegistersPerRequest>";
      const scene = await startModbusScene(t, {
        port: device.port,
        points: 5,
        settings: limits + settings,
        bystanders: ["victim"],
      });
      await scene.isHealthy();
      await scene.partition.until("forty connections", () => device.connections >= 40);
      const victim = scene.partition.witness.server("victim");
      assert.deepEqual([victim?.state, victim?.reconnects, victim?.failures], ["connected", 0, {}]);
      assert.deepEqual(scene.partition.child.logged(/connection lost|cannot/), []);
      await scene.partition.end();
    },
  });
}

fault({
  area: "Modbus server",
  trigger: "it closes connections that are idle, before each poll",
  holds: "its values are good all along, no loss is published, none counted, and the log says so once",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    device.behaviour = (request) => {
      setTimeout(() => request.socket.end(), intervalMs / 4).unref();
      return replyTo(request);
    };
    const scene = await startModbusScene(t, { port: device.port, bystanders: ["victim"] });
    await scene.isHealthy();
    await scene.partition.until("twenty connections", () => device.connections >= 20);
    const victim = scene.partition.witness.server("victim");
    assert.deepEqual([victim?.state, victim?.reconnects, victim?.failures], ["connected", 0, {}]);
    assert.equal(scene.partition.child.logged(/closes the connection between two requests/).length, 1);
    assert.deepEqual(scene.partition.child.logged(/connection lost|cannot/), []);
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "it is deaf for nearly two time-outs after each connect",
  holds: "its values come with the first connection, and stay",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const hearsFromMs = new Map<number, number>();
    device.onConnection = () => hearsFromMs.set(device.connections - 1, performance.now() + 2 * timeoutMs - 100);
    device.behaviour = (request) =>
      performance.now() < (hearsFromMs.get(request.connection) ?? 0) ? undefined : replyTo(request);
    const scene = await startModbusScene(t, { port: device.port });
    await scene.isHealthy();
    assert.equal(device.connections, 1);
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "the connection is cut at a random byte, again and again",
  holds: "no half reply is a value, and the values are back after each cut",
  extent: "quick",
  limitMs: 600_000,
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const proxy = await TcpProxy.start(device.port);
    t.after(() => proxy.close());
    const scene = await startModbusScene(t, { port: proxy.port, points: 10, victimRetryMs: 100 });
    await scene.isHealthy();
    const seed = Date.now() >>> 0;
    t.diagnostic(`seed ${seed}`);
    const random = new Random(seed, 0);
    const replyBytes = 9 + 10 * 8;
    for (let round = 0; round < times({ quick: 3, usual: 20, long: 200 }); round++) {
      const before = proxy.connections;
      proxy.faults.cutAfterBytes = random.from(0, 3 * replyBytes);
      proxy.faults.cutBy = random.pick(["end", "reset"]);
      // The one that is there has passed more bytes already, so its next reply is its end; the one after it is cut as said.
      await scene.partition.until("the second connection is cut", () => proxy.connections > before && proxy.open === 0);
      proxy.mend();
      await scene.recovers();
    }
    await scene.partition.end();
  },
});
