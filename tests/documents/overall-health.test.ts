import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerHealth, ServiceHealth } from "../../packages/image/src/health.ts";
import { overallHealth } from "../../packages/documents/src/overall-health.ts";

function serviceWith(...states: readonly ServerHealth["state"][]): ServiceHealth {
  const servers = states.map((state) => ({ server: state, state, points: 1, pointsBad: 0 }) as unknown as ServerHealth);
  const known = { isAlive: true, isOfEndedRun: false, documentEntriesMissing: 0, servers };
  return known as unknown as ServiceHealth;
}

test("a server that was stopped, or of which nothing is known, is lost; one that connects is not connected yet", () => {
  const { summary, serversLost } = overallHealth([
    serviceWith("lost", "stopped", "unknown", "connecting", "connected"),
  ]);
  assert.equal(serversLost, 3);
  assert.equal(summary, "3 of 5 servers lost: lost, stopped, unknown. 1 of 5 servers not connected yet: connecting.");
});
