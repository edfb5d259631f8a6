// A gateway with several unit ids behind it: one of them, several, or the gateway itself falls silent.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { exception, type Behaviour, type RogueDevice } from "../plant/modbus-device.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { fault } from "./fault.ts";
import { TestedPartition } from "./tested-partition.ts";
import { honest, intervalMs, settingsOf, startModbusScene, slackMs, type ModbusScene } from "./modbus-scene.ts";
import { TcpProxy } from "../plant/tcp-proxy.ts";

/** Long enough that one time-out more than allowed is more than a busy machine takes. */
const victimTimeoutMs = 2000;
const victimRetryMs = 4000;
const units = 6;
/** Every value of unit id n is point n - 1. */
const byUnit = { points: units, endpointSettings: (point: number) => `<unitId>${point + 1}</unitId>` };

function without(...dead: readonly number[]): Behaviour {
  return (request) => (dead.includes(request.unitId) ? undefined : honest(request));
}

async function startGatewayScene(t: TestContext, timeouts: number, port: number): Promise<ModbusScene> {
  return await startModbusScene(t, { ...byUnit, port, timeouts, victimTimeoutMs, victimRetryMs });
}

/** One digit for each unit id: whether its value looks good. */
function shown({ partition }: ModbusScene): string {
  return (partition.witness.statuses("victim") ?? []).map((status) => (status === 0 ? "1" : "0")).join("");
}

/** How often a unit id was asked. */
function asked(device: RogueDevice, unitId: number): number {
  return device.requests.filter((request) => request.unitId === unitId).length;
}

fault({
  area: "Modbus server",
  trigger: "one unit id behind a gateway dies, and comes back",
  holds: "it costs the others one time-out, is tried again every retryInterval, and comes back; the connection stays",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startGatewayScene(t, 1, device.port);
    await scene.isHealthy();
    const { partition } = scene;
    const before = asked(device, 3);
    const beganMs = performance.now();
    device.behaviour = without(3);
    await partition.until("only unit id 3 is bad", () => shown(scene) === "110111");
    assert.equal(partition.witness.statuses("victim")?.[2], StatusCode.BadTimeout);
    const good = asked(device, 1);
    await partition.until("twenty polls went on without it", () => asked(device, 1) >= good + 20);
    assert.equal(shown(scene), "110111");
    await partition.until("it was tried again", () => asked(device, 3) >= before + 3);
    const attempts = asked(device, 3) - before;
    const allowed = 2 + Math.floor((performance.now() - beganMs) / victimRetryMs);
    assert.ok(attempts <= allowed, `${attempts} attempts, and ${allowed} were allowed`);
    device.behaviour = honest;
    await scene.recovers();
    assert.equal(device.connections, 1);
    await partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "a gateway says that it cannot reach one unit id (exceptions 10 and 11)",
  holds: "the others stay good all along, and it comes back",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startGatewayScene(t, 0, device.port);
    await scene.isHealthy();
    for (const code of [10, 11]) {
      device.behaviour = (request) => (request.unitId === 3 ? exception(request, code) : honest(request));
      await scene.partition.until("only unit id 3 is bad", () => shown(scene) === "110111");
      device.behaviour = honest;
      await scene.recovers();
    }
    assert.equal(device.connections, 1);
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "a gateway with six living unit ids falls silent, and speaks again",
  holds: "all their values are bad after the interval and two time-outs, and back with the gateway",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const proxy = await TcpProxy.start(device.port);
    t.after(() => proxy.close());
    const scene = await startGatewayScene(t, 2, proxy.port);
    await scene.isHealthy();
    proxy.faults.hold = true;
    await scene.isFailing("Timeout", /did not answer within 2000 ms/);
    proxy.mend();
    await scene.recovers();
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "the first three unit ids of six die at the same moment",
  holds: "after one reconnect the three others are good and young, whatever it costs to find out who is dead",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startGatewayScene(t, 2, device.port);
    await scene.isHealthy();
    device.behaviour = without(1, 2, 3);
    await scene.isFailing("Timeout", /did not answer within 2000 ms/);
    await scene.partition.until("the three others are good", () => shown(scene) === "000111");
    assert.equal(device.connections, 2);
    device.behaviour = honest;
    await scene.partition.untilGood("victim");
    assert.equal(device.connections, 2);
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "every second unit id of six dies at the same moment",
  holds: "no value that looks good is older than two time-outs, and the others are good without a reconnect",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startGatewayScene(t, 2, device.port);
    await scene.isHealthy();
    device.behaviour = without(2, 4, 6);
    await scene.partition.until("the three others are good", () => shown(scene) === "101010");
    assert.equal(device.connections, 1);
    device.behaviour = honest;
    await scene.partition.untilGood("victim");
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "three of five servers that share a gateway have a dead unit id from the start",
  holds: "the two others wait for one of them at a time: their values are never older than one time-out",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    device.behaviour = without(1, 2, 3);
    const servers = [1, 2, 3, 4, 5].map((unitId) => ({
      alias: `unit ${unitId}`,
      port: device.port,
      firstPlace: 0,
      points: 2,
      settings: `<unitId>${unitId}</unitId>${settingsOf(victimTimeoutMs, victimRetryMs)}`,
    }));
    const partition = new TestedPartition(t, {
      modbus: bornModbusXml(...servers),
      interval: intervalMs / 1000,
      rules: {
        bystanders: ["unit 4", "unit 5"],
        oldestGoodMs: intervalMs + victimTimeoutMs + slackMs,
        longestPauseMs: intervalMs + victimTimeoutMs + slackMs,
      },
    });
    await partition.untilGood("unit 4", "unit 5");
    await partition.until("each was tried three times", () => [1, 2, 3].every((unitId) => asked(device, unitId) >= 3));
    device.behaviour = honest;
    await partition.untilGood("unit 1", "unit 2", "unit 3");
    await partition.end();
  },
});
