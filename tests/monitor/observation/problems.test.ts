import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerHealth } from "../../../packages/image/src/health.ts";
import type { ServiceStatus } from "../../../packages/documents/src/service-status.ts";
import { overallHealth } from "../../../packages/documents/src/overall-health.ts";
import { GrowthWatch } from "../../../packages/monitor/src/observation/growth-watch.ts";
import { problemsOf } from "../../../packages/monitor/src/observation/problems.ts";
import type { Observation } from "../../../packages/monitor/src/observation/observed-partition.ts";

const since = "2026-01-01T00:00:00.000Z";
const healthy: ServerHealth = {
  server: "Kessel",
  state: "connected",
  stateSince: since,
  intervalMs: 1000,
  points: 10,
  pointsBad: 0,
  pointsUncertain: 0,
  statuses: {},
  cycle: 1,
  lastGoodAgeMs: 0,
  pollMs: null,
  reconnects: 0,
  overruns: 0,
  requestLimit: null,
  failures: {},
  lastError: "",
  lastErrorAt: null,
  certificateDaysLeft: null,
  ownCertificateDaysLeft: null,
  isInsecure: null,
};
const running: ServiceStatus = {
  service: "modbus",
  image: "modbus_image",
  isAlive: true,
  imageState: "present",
  isOfEndedRun: false,
  heartbeatAgeMs: 0,
  startedAt: since,
  documentsAlive: true,
  documentsDeaths: 0,
  unguardedSemaphores: [],
  documents: 1,
  documentBytes: 1,
  documentCapacityBytes: 2,
  documentEntriesMissing: 0,
  guardTimeouts: 0,
  guardSeizures: 0,
  objectsRestored: 0,
  ticksMissed: 0,
  threads: 1,
  servers: [healthy],
};

function observation(...services: readonly ServiceStatus[]): Observation {
  return { nowMs: 0, images: [], services, overall: overallHealth(services), unreadable: [] };
}

function kindsOf(service: Partial<ServiceStatus>, server: Partial<ServerHealth> = {}, watch = new GrowthWatch()) {
  const whole = { ...running, servers: [{ ...healthy, ...server }], ...service };
  return problemsOf(observation(whole), watch).map(({ kind, severity }) => `${severity} ${kind}`);
}

test("nothing is wrong while all is well, and with what an ended run left", () => {
  assert.deepEqual(kindsOf({}), []);
  const watch = new GrowthWatch();
  const ended = { ...running, service: "opcua", isAlive: false, isOfEndedRun: true };
  assert.deepEqual(problemsOf(observation(running, ended), watch), []);
});

test("each fault is a problem of its kind", () => {
  assert.deepEqual(
    problemsOf(observation(), new GrowthWatch()).map(({ kind }) => kind),
    ["noPartition"],
  );
  assert.deepEqual(kindsOf({ isAlive: false, imageState: "missing", servers: [] }), ["critical imageMissing"]);
  assert.deepEqual(kindsOf({ isAlive: false, imageState: "starting", servers: [] }), ["warning serviceStarting"]);
  assert.deepEqual(kindsOf({}, { state: "connecting" }), ["warning serverNotYetConnected"]);
  assert.deepEqual(kindsOf({}, { state: "lost" }), ["critical serverLost"]);
  assert.deepEqual(kindsOf({}, { state: "stopped" }), ["critical serverLost"]);
  assert.deepEqual(kindsOf({}, { pointsBad: 1, statuses: { BadNoData: 1 } }), ["critical pointsBad"]);
  assert.deepEqual(kindsOf({}, { pointsUncertain: 1, statuses: { Uncertain: 1 } }), ["warning pointsBad"]);
  assert.deepEqual(kindsOf({}, { lastGoodAgeMs: 5001 }), ["warning valuesOld"]);
  assert.deepEqual(kindsOf({}, { lastGoodAgeMs: 5001, intervalMs: 10_000 }), [], "not old for its interval");
  assert.deepEqual(kindsOf({ documentEntriesMissing: 2 }), ["critical entriesMissing"]);
  assert.deepEqual(kindsOf({ documentsAlive: false }), ["critical documentsNotRunning"]);
  assert.deepEqual(kindsOf({ documentsAlive: null }), [], "a partition may do without documents");
  assert.deepEqual(kindsOf({}, { certificateDaysLeft: 31 }), []);
  assert.deepEqual(kindsOf({}, { certificateDaysLeft: 30 }), ["warning certificateEnds"]);
  assert.deepEqual(kindsOf({}, { ownCertificateDaysLeft: -1 }), ["critical ownCertificateEnds"]);
});

test("a partition that does not run is one problem, and not one for each server", () => {
  assert.deepEqual(kindsOf({ isAlive: false }, { state: "unknown", pointsBad: 10 }), ["critical notRunning"]);
});

test("counters are problems while they grow", () => {
  const watch = new GrowthWatch();
  assert.deepEqual(kindsOf({ guardTimeouts: 5, ticksMissed: 5, objectsRestored: 5 }, { overruns: 5 }, watch), []);
  assert.deepEqual(
    kindsOf({ guardTimeouts: 5, ticksMissed: 7, objectsRestored: 5 }, { overruns: 7 }, watch),
    [],
    "two late cycles",
  );
  assert.deepEqual(kindsOf({ guardTimeouts: 6, ticksMissed: 8, objectsRestored: 6 }, { overruns: 8 }, watch), [
    "warning guardTimeouts",
    "warning ticksMissed",
    "warning objectsRestored",
    "warning slowServer",
  ]);
});

test("a lost server has its reason, since when, its points, and the row for how it failed last", () => {
  const lost = {
    ...healthy,
    state: "lost",
    lastError: "nothing listens\u202e there",
    failures: { Timeout: 2 },
  } as const;
  const [problem] = problemsOf(observation({ ...running, servers: [lost] }), new GrowthWatch());
  assert.ok(problem);
  assert.doesNotMatch(problem.detail, /\u202e/, "nothing turns the text round");
  assert.deepEqual(
    [problem.server, problem.since, problem.of, problem.failure, problem.row.row],
    ["Kessel", since, 10, "Timeout", "falls silent, hangs, its cable is pulled"],
  );
});

test("what is critical comes first", () => {
  const servers = [{ ...healthy, pointsUncertain: 1 }, { ...healthy, server: "Turbine", state: "lost" } as const];
  const problems = problemsOf(observation({ ...running, servers }), new GrowthWatch());
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ["serverLost", "pointsBad"],
  );
});
