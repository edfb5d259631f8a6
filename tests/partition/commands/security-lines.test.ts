import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerHealth } from "../../../packages/image/src/health.ts";
import { securityLines } from "../../../packages/partition/src/commands/security-lines.ts";

const healthy: ServerHealth = {
  server: "A",
  state: "connected",
  stateSince: "2026-01-01T00:00:00.000Z",
  points: 1,
  pointsBad: 0,
  pointsUncertain: 0,
  statuses: {},
  intervalMs: 1000,
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

test("status names what is insecure, servers' certificates that end soon, and when the first of ours ends", () => {
  assert.deepEqual(securityLines([healthy, { ...healthy, isInsecure: false, certificateDaysLeft: 31 }]), []);
  assert.deepEqual(
    securityLines([
      { ...healthy, isInsecure: true, ownCertificateDaysLeft: 400 },
      { ...healthy, server: "B", certificateDaysLeft: 30, ownCertificateDaysLeft: 300 },
      { ...healthy, server: "C\u001b[2J", certificateDaysLeft: -1 },
    ]),
    [
      "own certificate (for B) ends in 300 days",
      "A: INSECURE as configured",
      "B: the server's certificate ends in 30 days",
      "C\\u001b[2J: the server's certificate IS EXPIRED",
    ],
  );
});
