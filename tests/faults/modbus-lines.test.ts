// A Modbus device gets several requests at a time, or speaks RTU, and something goes wrong.

import assert from "node:assert/strict";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { startRtuDevice, sealed, type RtuBehaviour } from "../plant/rtu-device.ts";
import type { DeviceRequest } from "../plant/modbus-device.ts";
import { startBornDevice } from "./born-modbus.ts";
import { fault } from "./fault.ts";
import { honest, replyTo, startModbusScene, type ModbusScene } from "./modbus-scene.ts";

/** Polls of the victim that end from now on. */
async function polls(scene: ModbusScene, count: number): Promise<void> {
  const cycle = (): number => scene.partition.witness.server("victim")?.cycle ?? 0;
  const before = cycle();
  await scene.partition.until(`${count} polls more`, () => cycle() >= before + count);
}

const inEights = "<maxInFlight>8</maxInFlight><maxRegistersPerRequest>4</maxRegistersPerRequest>";

fault({
  area: "Modbus server",
  trigger: "it answers eight requests in the reverse order, and later loses those that come while it is busy",
  holds:
    "every value stays good and its own point's; after the first loss it gets one request at a time, and the log says so once",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startModbusScene(t, {
      port: device.port,
      points: 30,
      settings: inEights,
      bystanders: ["victim"],
    });
    await scene.isHealthy();
    const kept: DeviceRequest[] = [];
    device.behaviour = (request) => {
      kept.push(request);
      setImmediate(() => {
        const last = kept.pop();
        if (last !== undefined && !last.socket.destroyed) last.socket.write(replyTo(last));
      });
      return undefined;
    };
    await polls(scene, 20);
    let isBusy = false;
    device.behaviour = (request) => {
      if (isBusy) return undefined;
      isBusy = true;
      setImmediate(() => {
        isBusy = false;
        if (!request.socket.destroyed) request.socket.write(replyTo(request));
      });
      return undefined;
    };
    await polls(scene, 20);
    const statuses = scene.partition.witness.statuses("victim") ?? [];
    assert.deepEqual(
      statuses.filter((status) => status !== StatusCode.Good),
      [],
    );
    assert.equal(device.connections, 1);
    assert.equal(scene.partition.child.logged(/Reduce <maxInFlight>/).length, 1);
    device.behaviour = honest;
    await scene.recovers();
    await scene.partition.end();
  },
});

/** Unit id and PDU of the honest reply, with a CRC. */
function rtuReply(request: DeviceRequest): Buffer {
  return sealed(replyTo(request).subarray(6));
}

const noise = Buffer.from("00ff0103", "hex");
/** A byte of the data, after unit id, function and byte count. */
const dataOffset = 3;

fault({
  area: "Modbus server",
  trigger: "over RTU: noise around replies, damaged replies, replies of another unit id, then silence and late replies",
  holds:
    "no value comes out of noise; a damaged reply costs no value; silence turns the points bad, and they come back",
  run: async (t) => {
    const device = await startRtuDevice(rtuReply);
    t.after(() => device.close());
    const settings = "<framing>rtu</framing><maxRegistersPerRequest>4</maxRegistersPerRequest>";
    const scene = await startModbusScene(t, { port: device.port, settings, timeouts: 2 });
    await scene.isHealthy();
    let asked = 0;
    const spoiled: RtuBehaviour = (request) => {
      const reply = rtuReply(request);
      asked++;
      if (asked % 5 === 0) {
        reply[dataOffset] = (reply[dataOffset] ?? 0) ^ 1;
        return reply;
      }
      const ofAnother = sealed(Buffer.from([9, ...reply.subarray(1, -2)]));
      return Buffer.concat([asked % 2 === 0 ? noise : ofAnother, reply, noise]);
    };
    device.behaviour = spoiled;
    await polls(scene, 15);
    assert.ok(asked > 15);
    assert.equal(scene.partition.witness.server("victim")?.state, "connected");
    assert.equal(device.connections, 1);
    device.behaviour = () => undefined;
    await scene.isFailing("Timeout", /did not answer within/);
    device.behaviour = (request) => {
      setTimeout(() => {
        if (!request.socket.destroyed) request.socket.write(rtuReply(request));
      }, 600);
      return undefined;
    };
    await scene.partition.until("several were late", () => device.requests.length > asked + 8);
    device.behaviour = rtuReply;
    await scene.partition.untilGood("victim");
    await scene.partition.end();
  },
});
