// The metrics of the deliveries, as Prometheus reads them.

import type { DeliveryState } from "./delivery/delivery.ts";

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly of: (state: DeliveryState) => number;
}

const metrics: readonly Metric[] = [
  {
    name: "connected",
    help: "1 while the engine is connected",
    type: "gauge",
    of: ({ isConnected }) => Number(isConnected),
  },
  {
    name: "delivered_changes_total",
    help: "live changes that the engine has taken",
    type: "counter",
    of: ({ deliveredChanges }) => deliveredChanges,
  },
  {
    name: "queued_changes",
    help: "changes that wait on disk",
    type: "gauge",
    of: ({ queuedChanges }) => queuedChanges,
  },
  { name: "queued_bytes", help: "size of the queue on disk", type: "gauge", of: ({ queuedBytes }) => queuedBytes },
  {
    name: "dropped_changes_total",
    help: "changes that a full queue or disk dropped",
    type: "counter",
    of: ({ droppedChanges }) => droppedChanges,
  },
  {
    name: "lost_changes_total",
    help: "changes that the journal overwrote before they were read",
    type: "counter",
    of: ({ lostChanges }) => lostChanges,
  },
  {
    name: "reconnects_total",
    help: "connections after the first one",
    type: "counter",
    of: ({ reconnects }) => reconnects,
  },
];

export function metricsText(states: readonly DeliveryState[]): string {
  const lines = metrics.map(({ name, help, type, of }) => {
    const samples = states.map((state) => `cpc_bridge_${name}{output="${state.output}"} ${of(state)}`);
    return `# HELP cpc_bridge_${name} ${help}\n# TYPE cpc_bridge_${name} ${type}\n${samples.join("\n")}`;
  });
  return `${lines.join("\n")}\n`;
}
