import assert from "node:assert/strict";
import { test } from "node:test";
import { healthOf, type ObservedImage } from "../../packages/image/src/health.ts";
import { isRunning, overallHealth } from "../../packages/documents/src/overall-health.ts";
import { qualityText } from "../../packages/image/src/point-quality.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { ConnectionState, header } from "../../packages/image/src/layout.ts";
import { planDirectory } from "../../packages/image/src/directory.ts";
import { privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import type { ServiceName } from "../../packages/image/src/service-name.ts";
import { imageOf, serverOf } from "./sample-image.ts";

const BadIndexRangeInvalid = 0x80360000;
const UncertainLastUsableValue = 0x40900000;

/** A service with servers of these states, each with a point for each of its status codes. */
function service(name: string, ...servers: readonly { state: keyof typeof ConnectionState; statuses: number[] }[]) {
  const { writer, blocks, reader } = imageOf(
    ...servers.map(({ statuses }, index) => serverOf(`${name} ${index}`, ...statuses.map(() => 0))),
  );
  servers.forEach(({ state, statuses }, server) => {
    blocks[server]?.begin();
    statuses.forEach((status, point) => blocks[server]?.setStatus(point, status));
    blocks[server]?.publish(ConnectionState[state]);
    writer.blocks[server]?.show({ connection: ConnectionState[state] });
  });
  const observed: ObservedImage = { name, image: reader, hasWriter: true };
  return { writer, blocks, observed };
}

const good = { state: "connected", statuses: [StatusCode.Good] } as const satisfies {
  state: string;
  statuses: number[];
};
const bad = StatusCode.BadNotConnected;
const later = (): number => Date.now() + 1;

test("the sentence names what is lost, and the figures count it", () => {
  const one = service("A", { ...good }, { state: "lost", statuses: [bad, bad] });
  const other = service("B", { state: "lost", statuses: [bad] }, { state: "connecting", statuses: [] });
  const services = healthOf([one.observed, other.observed], later());
  assert.deepEqual(overallHealth(services), {
    summary: "2 of 4 servers lost: A 1, B 0. 1 of 4 servers not connected yet: B 1. 3 of 4 points bad.",
    isAlive: true,
    imagesMissing: 0,
    servers: 4,
    serversLost: 2,
    points: 4,
    pointsBad: 3,
    documentsDead: 0,
    documentEntriesMissing: 0,
  });
});

test("a sentence for all that is well, one for nothing at all, and names within limits", () => {
  const fine = healthOf([service("A", { ...good }, { ...good }).observed], later());
  assert.equal(overallHealth(fine).summary, "All servers connected (2), all points good (2).");
  const none = overallHealth([]);
  assert.equal(none.isAlive, false);
  assert.match(none.summary, /^There is no process image \(with this prefix\): no partition has run here, or its log /);
  const lost = Array.from({ length: 7 }, () => ({ state: "lost" as const, statuses: [] }));
  assert.match(
    overallHealth(healthOf([service("A", ...lost).observed], later())).summary,
    /^7 of 7 servers lost: A 0, A 1, A 2, A 3, A 4 and 2 more\.$/,
  );
});

test("bad and uncertain points are counted by their reason, the most frequent first", () => {
  const statuses = [StatusCode.BadTimeout, UncertainLastUsableValue, BadIndexRangeInvalid, BadIndexRangeInvalid, 0];
  const [only] = healthOf([service("A", { state: "connected", statuses }).observed], later());
  const [server] = only?.servers ?? [];
  assert.ok(server);
  assert.deepEqual([server.points, server.pointsBad, server.pointsUncertain], [5, 3, 1]);
  assert.deepEqual(Object.entries(server.statuses)[0], ["BadIndexRangeInvalid", 2]);
  assert.match(
    qualityText(server) ?? "",
    /^3 of 5 points bad, 1 of 5 points uncertain: 2 BadIndexRangeInvalid, 1 \w+, 1 \w+$/,
  );
  assert.equal(qualityText({ points: 1, pointsBad: 0, pointsUncertain: 0, statuses: {} }), undefined);
});

test("a request limit of requests is shown, and none is none", () => {
  const { observed, writer } = service("A", { ...good }, { ...good });
  writer.blocks[0]?.show({ connection: ConnectionState.connected, requestLimit: 30 });
  const limits = healthOf([observed], later())[0]?.servers.map(({ requestLimit }) => requestLimit);
  assert.deepEqual(limits, [30, null]);
});

test("nobody vouches for the servers and values of a service that does not run", () => {
  const dead = service("A", { ...good });
  const services = healthOf([{ ...dead.observed, hasWriter: false }], later());
  assert.equal(services[0]?.servers[0]?.state, "unknown");
  const { isAlive, serversLost, pointsBad, summary } = overallHealth(services);
  assert.deepEqual([isAlive, serversLost, pointsBad], [false, 1, 1]);
  assert.match(summary, /^modbus is NOT RUNNING, last heartbeat \d+\.\d s ago\. 1 of 1 servers lost: A 0\. /);
});

test("an image without a writer is of an ended run when that run ended before the others began", (t) => {
  const pastMs = Date.now();
  t.mock.timers.enable({ apis: ["Date"], now: pastMs });
  const past = service("past", { state: "lost", statuses: [bad] });
  t.mock.timers.setTime(pastMs + 1000);
  const left = { ...past.observed, hasWriter: false };
  const isOfEndedRun = (...all: readonly ObservedImage[]): readonly boolean[] =>
    healthOf(all, later()).map((one) => one.isOfEndedRun);

  const began = service("now", { ...good });
  assert.deepEqual(isOfEndedRun(left, began.observed), [true, false]);
  assert.equal(overallHealth(healthOf([left, began.observed], later())).isAlive, true);
  assert.deepEqual(isOfEndedRun(left), [false], "nobody else runs: this is what there is");
  past.writer.beat();
  assert.deepEqual(isOfEndedRun(left, began.observed), [false, false], "it was killed while the other ran");
  past.writer.retire();
  assert.deepEqual(isOfEndedRun(left, began.observed), [true, false], "it was stopped");
  assert.deepEqual(isOfEndedRun(past.observed, began.observed), [false, false], "somebody still holds it");
});

/** The image of one service of a partition, which a process keeps up to date. */
function running(own: ServiceName, partitionServices: readonly ServiceName[]) {
  const directory = planDirectory([serverOf(own)]);
  const memory = privateMemory(directory.imageBytes);
  const writer = new ImageWriter({ service: own, partitionServices, intervalMs: 1000 }, directory, memory);
  const image = new ImageReader(memory.buffer);
  const observed: ObservedImage = { name: `p_${own}_image`, image, hasWriter: true };
  const startedAgo = (ms: number): void => {
    new BigInt64Array(memory.buffer)[header.startedNs / 8] = BigInt(Date.now() - ms) * 1_000_000n;
  };
  return { writer, observed, startedAgo };
}

const statesOf = (...all: readonly ObservedImage[]): readonly string[] =>
  healthOf(all, Date.now(), "p_").map(
    ({ image, imageState, isOfEndedRun, isAlive }) =>
      `${image} ${isOfEndedRun ? "ended" : isAlive ? "alive" : imageState}`,
  );

test("a service that never got an image is starting, then missing, and neither is well", () => {
  const { observed, startedAgo } = running("opcua", ["opcua", "modbus"]);
  assert.deepEqual(statesOf(observed), ["p_opcua_image alive", "p_modbus_image starting"]);
  const starting = overallHealth(healthOf([observed], Date.now()));
  assert.deepEqual([starting.isAlive, starting.imagesMissing], [false, 1]);
  assert.match(starting.summary, /^modbus is STARTING: it has no process image yet\./);
  startedAgo(30_000);
  assert.deepEqual(statesOf(observed), ["p_opcua_image alive", "p_modbus_image missing"]);
  const services = healthOf([observed], Date.now());
  const missing = overallHealth(services);
  assert.deepEqual([missing.isAlive, missing.imagesMissing, missing.serversLost], [false, 1, 0]);
  assert.match(
    missing.summary,
    /^modbus has NO PROCESS IMAGE: its partition runs and tries again, and its log says why/,
  );
  assert.equal(isRunning(services), true, "to start the partition again would end the other service");
  assert.deepEqual([services[1]?.heartbeatAgeMs, services[1]?.servers], [null, []]);
  startedAgo(-3_600_000);
  assert.deepEqual(statesOf(observed)[1], "p_modbus_image missing", "the clock was set back");
});

test("what an earlier run has left is not the image that is missing, whoever has its lock", () => {
  const left = running("modbus", ["opcua", "modbus"]);
  left.startedAgo(120_000);
  left.writer.beat(60_000);
  const { observed } = running("opcua", ["opcua", "modbus"]);
  const states = ["p_opcua_image alive", "p_modbus_image starting"];
  assert.deepEqual(statesOf(left.observed, observed), states, "killed; the new run has its lock");
  left.writer.retire();
  assert.deepEqual(statesOf(left.observed, observed), states, "stopped; the new run has its lock");
  assert.deepEqual(statesOf({ ...left.observed, hasWriter: false }, observed), states);
});

test("an image that this run made and nobody keeps up to date is not running, and no image that is missing", () => {
  const { observed } = running("opcua", ["opcua", "modbus"]);
  const crashed = running("modbus", ["opcua", "modbus"]);
  crashed.writer.retire();
  const services = healthOf([observed, crashed.observed], Date.now());
  assert.deepEqual(statesOf(observed, crashed.observed), ["p_opcua_image alive", "p_modbus_image present"]);
  assert.match(overallHealth(services).summary, /modbus is NOT RUNNING/);
  assert.equal(isRunning(services), false);
});

test("nothing is missing of partitions with one service each, of one that does not tell, and of one that is over", () => {
  const opcua = running("opcua", ["opcua"]).observed;
  const modbus = running("modbus", ["modbus"]).observed;
  assert.deepEqual(statesOf(opcua), ["p_opcua_image alive"]);
  assert.deepEqual(statesOf(opcua, modbus), ["p_opcua_image alive", "p_modbus_image alive"]);
  assert.deepEqual(statesOf(running("opcua", []).observed), ["p_opcua_image alive"]);
  const over = running("opcua", ["opcua", "modbus"]);
  assert.deepEqual(statesOf({ ...over.observed, hasWriter: false }), ["p_opcua_image present"]);
  over.writer.retire();
  assert.deepEqual(statesOf(over.observed), ["p_opcua_image present"], "it is stopping");
});

test("a state is told with its beginning; of an image that nobody keeps up to date its last heartbeat is", () => {
  const { writer, observed } = service("A", { ...good });
  const changedNs = observed.image.serverState(0)?.changedNs ?? 0n;
  writer.beat();
  const since = (hasWriter: boolean) => healthOf([{ ...observed, hasWriter }], later())[0]?.servers[0]?.stateSince;
  assert.equal(since(true), new Date(Number(changedNs / 1_000_000n)).toISOString());
  assert.equal(since(false), new Date(Number(observed.image.heartbeatNs / 1_000_000n)).toISOString());
});

test("a server with several groups is judged by the one that is the most behind its own interval", () => {
  const server = serverOf("A", 0, 0);
  const [all] = server.groups;
  assert.ok(all);
  const groups = [100, 3_600_000].map((intervalMs, index) => ({
    name: `${intervalMs}`,
    intervalMs,
    points: all.points.slice(index, index + 1),
  }));
  const { writer, reader } = imageOf({ ...server, groups });
  const [fast, hourly] = writer.blocks[0]?.groups ?? [];
  writer.blocks[0]?.show({ connection: ConnectionState.connected });
  for (const group of [fast, fast, hourly]) {
    group?.begin();
    group?.setStatus(0, StatusCode.Good);
    group?.publish(ConnectionState.connected, 1);
  }
  const after = (ms: number) =>
    healthOf([{ name: "A", image: reader, hasWriter: true }], Date.now() + ms)[0]?.servers[0];
  assert.equal(after(4000)?.intervalMs, 100);
  assert.ok((after(4000)?.lastGoodAgeMs ?? 0) > 3000);
  assert.deepEqual([after(0)?.cycle, after(0)?.state, after(0)?.points], [2, "connected", 2]);
});
