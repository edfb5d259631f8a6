import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsText } from "../../packages/bridge/src/metrics-text.ts";

test("every output has a sample of every metric", () => {
  const state = {
    output: "site",
    isConnected: true,
    deliveredChanges: 1,
    reconnects: 2,
    queuedChanges: 3,
    queuedBytes: 4,
    droppedChanges: 5,
    lostChanges: 6,
  };
  const text = metricsText([state, { ...state, output: "local", isConnected: false }]);
  assert.equal(text.match(/^# TYPE cpc_bridge_\S+ (?:gauge|counter)$/gm)?.length, 7);
  assert.deepEqual(text.match(/^cpc_bridge_(?:connected|dropped).*$/gm), [
    'cpc_bridge_connected{output="site"} 1',
    'cpc_bridge_connected{output="local"} 0',
    'cpc_bridge_dropped_changes_total{output="site"} 5',
    'cpc_bridge_dropped_changes_total{output="local"} 5',
  ]);
});
