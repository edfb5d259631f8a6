// A Modbus device answers, and the answers are wrong: exceptions, refusals, and replies that break the protocol in every way.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { exception, type Behaviour, type DeviceRequest } from "../plant/modbus-device.ts";
import { startBornDevice } from "./born-modbus.ts";
import { fault, times } from "./fault.ts";
import { honest, replyTo, retryMs, startModbusScene, timeoutMs } from "./modbus-scene.ts";

/** Of a unit id; the standard's, and one that it does not know. */
const exceptions: readonly (readonly [code: number, status: number])[] = [
  [1, StatusCode.BadNotSupported],
  [2, StatusCode.BadOutOfRange],
  [3, StatusCode.BadInvalidArgument],
  [4, StatusCode.BadDeviceFailure],
  [5, StatusCode.BadWaitingForResponse],
  [6, StatusCode.BadServerTooBusy],
  [7, StatusCode.BadUnexpectedError],
  [8, StatusCode.BadDeviceFailure],
  [9, StatusCode.BadUnexpectedError],
  [10, StatusCode.BadNoCommunication],
  [11, StatusCode.BadTimeout],
  [200, StatusCode.BadUnexpectedError],
];

fault({
  area: "Modbus server",
  trigger: "it answers with an exception: 1 to 11, and an unknown one",
  holds:
    "the points have the status of the exception, other points stay good, the connection stays, and the values come back",
  limitMs: 120_000,
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const settings = "<maxRegistersPerRequest>4</maxRegistersPerRequest>";
    const scene = await startModbusScene(t, { port: device.port, settings });
    await scene.isHealthy();
    const { witness } = scene.partition;
    for (const [code, status] of exceptions) {
      device.behaviour = (request) => (request.address === 4 ? exception(request, code) : honest(request));
      await scene.partition.until(`exception ${code} shows`, () => witness.statuses("victim")?.[1] === status);
      // 10 and 11 say that nobody is behind the unit id, so its other points are not asked for either.
      if (code !== 10 && code !== 11) assert.equal(witness.statuses("victim")?.[0], StatusCode.Good);
      device.behaviour = honest;
      // A refused point is tried again after the retryInterval, then after twice as long each time.
      await scene.recovers();
    }
    assert.equal(device.connections, 1);
    assert.equal(witness.server("victim")?.state, "connected");
    await scene.partition.end();
  },
});

fault({
  area: "Modbus server",
  trigger: "one address inside a coalesced range becomes illegal, later legal again",
  holds: "its own point is bad, the 29 others stay good, and it comes back by itself",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startModbusScene(t, { port: device.port, points: 30 });
    await scene.isHealthy();
    const { witness } = scene.partition;
    const illegalAddress = 4 * 17;
    device.behaviour = (request) => {
      const isIllegal = request.address <= illegalAddress && illegalAddress < request.address + request.quantity;
      return isIllegal ? exception(request, 2) : honest(request);
    };
    await scene.partition.until("it is bad", () => witness.statuses("victim")?.[17] === StatusCode.BadOutOfRange);
    await pause(2 * retryMs);
    const statuses = witness.statuses("victim") ?? [];
    assert.deepEqual(
      statuses.flatMap((status, point) => (status === 0 ? [] : [point])),
      [17],
    );
    device.behaviour = honest;
    await scene.partition.untilGood("victim");
    assert.equal(device.connections, 1);
    await scene.partition.end();
  },
});

for (const code of [2, 3]) {
  fault({
    area: "Modbus server",
    trigger: `it answers no more than 20 registers at once, and refuses more with exception ${code}`,
    holds:
      "every value is read from the first poll on, from the second on in requests that it likes; longer ones are tried seldom",
    run: async (t) => {
      const device = await startBornDevice(t, 0);
      device.behaviour = (request) => (request.quantity > 20 ? exception(request, code) : honest(request));
      const scene = await startModbusScene(t, { port: device.port, points: 60, bystanders: ["victim"] });
      await scene.isHealthy();
      const polls = (): number => scene.partition.witness.server("victim")?.cycle ?? 0;
      const before = polls();
      await scene.partition.until("two polls more", () => polls() >= before + 2);
      const asked = device.requests.length;
      await scene.partition.until("ten polls more", () => polls() >= before + 12);
      // Tried again after the retryInterval, then after twice as long each time.
      const tooLong = device.requests.slice(asked).filter(({ quantity }) => quantity > 20).length;
      assert.ok(tooLong <= 4, `${tooLong} requests were too long`);
      assert.equal(scene.partition.child.logged(/request limit/).length, 1);
      await scene.partition.end();
    },
  });
}

/** What the device does with each reply, and what status says then. */
const spoiled: readonly {
  readonly trigger: string;
  readonly code: "ProtocolViolation" | "Timeout";
  readonly because: RegExp;
  readonly behaviour: Behaviour;
}[] = [
  {
    trigger: "replies come after the time-out",
    code: "Timeout",
    because: /unit id 1 did not answer within 500 ms/,
    behaviour: (request) => {
      const late = honest(request);
      setTimeout(() => request.socket.write(late ?? ""), 1.5 * timeoutMs).unref();
      return undefined;
    },
  },
  {
    trigger: "every reply comes twice",
    code: "ProtocolViolation",
    because: /transaction id \d+ where none \(nothing was asked\) was due/,
    behaviour: (request) => Buffer.concat([replyTo(request), replyTo(request)]),
  },
  {
    trigger: "replies have the transaction id of another request",
    code: "ProtocolViolation",
    because: /transaction id \d+ where \d+ was due/,
    behaviour: (request) => replyTo({ ...request, transactionId: request.transactionId + 1 }),
  },
  {
    trigger: "replies have another unit id",
    code: "ProtocolViolation",
    because: /unit id 2 where 1 was due/,
    behaviour: (request) => changed(replyTo(request), 6, 2),
  },
  {
    trigger: "replies have another protocol id",
    code: "ProtocolViolation",
    because: /protocol id 1 where 0 was due/,
    behaviour: (request) => changed(replyTo(request), 3, 1),
  },
  {
    trigger: "replies are those of another function",
    code: "ProtocolViolation",
    because: /function code 4 where 3 was due/,
    behaviour: (request) => changed(replyTo(request), 7, 4),
  },
  {
    trigger: "replies stop in the middle, and the connection stays",
    code: "ProtocolViolation",
    because: /a reply stopped after 20 bytes for 500 ms/,
    behaviour: (request) => replyTo(request).subarray(0, 20),
  },
  {
    trigger: "replies lack their last bytes, and the first of the next reply stand in their place",
    code: "ProtocolViolation",
    because: /a reply had (trailing bytes|length|protocol id|transaction id)/,
    behaviour: (request) => Buffer.concat([replyTo(request).subarray(0, 20), replyTo(request)]),
  },
  {
    trigger: "replies hold fewer registers than asked for",
    code: "ProtocolViolation",
    because: /byte count 8 where 16 was due/,
    behaviour: (request) => honest({ ...request, quantity: 4 }),
  },
  {
    trigger: "it sends what is not Modbus",
    code: "ProtocolViolation",
    because: /protocol id/,
    behaviour: () => Buffer.from("SSH-2.0-OpenSSH_9.9\r\n"),
  },
];

for (const { trigger, code, because, behaviour } of spoiled) {
  fault({
    area: "Modbus server",
    trigger,
    holds:
      "nothing of it is a value, status has the reason, the neighbour goes on, and honest replies are values again",
    run: async (t) => {
      const device = await startBornDevice(t, 0);
      const scene = await startModbusScene(t, { port: device.port });
      await scene.isHealthy();
      device.behaviour = behaviour;
      await scene.isFailing(code, because);
      await pause(times({ quick: 1, usual: 2 * retryMs, long: 30 * retryMs }));
      assert.ok(scene.partition.witness.isBad("victim"));
      device.behaviour = honest;
      await scene.recovers();
      await scene.partition.end();
    },
  });
}

function changed(bytes: Buffer, offset: number, value: number): Buffer {
  bytes[offset] = value;
  return bytes;
}

/** Values from the third on are read every second, each with a request of its own. */
const slowFrom = 2;
const isSlow = ({ address }: DeviceRequest): boolean => address >= 4 * slowFrom;

fault({
  area: "Modbus server",
  trigger: "a slow group answers late, request after request",
  holds: "everything stays good, and a fast poll comes between any two requests of the slow group",
  run: async (t) => {
    const device = await startBornDevice(t, 0);
    const scene = await startModbusScene(t, {
      port: device.port,
      points: slowFrom + 2,
      settings: "<maxRegistersPerRequest>4</maxRegistersPerRequest>",
      endpointSettings: (point) => (point < slowFrom ? "" : "<interval>1</interval>"),
      timeouts: 3,
    });
    await scene.isHealthy();
    const before = device.requests.length;
    device.behaviour = (request) => {
      if (!isSlow(request)) return honest(request);
      setTimeout(() => request.socket.write(replyTo(request)), 0.8 * timeoutMs);
      return undefined;
    };
    const late = (): readonly DeviceRequest[] => device.requests.slice(before);
    let wasBad = false;
    await scene.partition.until("the slow group was read three times", () => {
      wasBad ||= !scene.partition.witness.isGood("victim");
      return late().filter(isSlow).length >= 6;
    });
    assert.equal(wasBad, false);
    const pairs = late()
      .slice(1)
      .filter((request, index) => isSlow(request) && isSlow(late()[index] ?? request));
    assert.deepEqual(pairs, [], "slow requests one right after the other");
    device.behaviour = honest;
    await scene.recovers();
    assert.equal(device.connections, 1);
    await scene.partition.end();
  },
});
