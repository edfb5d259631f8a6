// How the disturbances are done: orders to the processes of servers, signals, another configuration, a visitor. Every wait ends with the soak.

import { setTimeout as pause } from "node:timers/promises";
import type { Arms } from "./disturbances.ts";
import type { Judge } from "./judge.ts";
import { timeoutMs } from "./plan.ts";
import type { ServerProcesses } from "./server-processes.ts";

/** An order takes a moment to be carried out. */
const orderMs = 100;
const configurationMs = 1000;
/** A server that nobody asks cannot answer late. */
const mostPollsMs = 20 * timeoutMs;

export interface LaunchOptions {
  readonly judge: Judge;
  readonly servers: ServerProcesses;
  readonly visit: Arms["visit"];
  /** Makes the configuration of this server another one. */
  readonly change: (alias: string) => void;
  readonly ending: AbortSignal;
}

export function armsOf({ judge, servers, visit, change, ending }: LaunchOptions): Arms {
  const wait = async (durationMs: number): Promise<void> => {
    await pause(durationMs, undefined, { signal: ending }).catch(() => undefined);
  };
  return {
    visit,
    restartDevice: async (server, downMs) => {
      servers.order(server, { kind: "restart", server: server.alias, downMs });
      await wait(downMs + orderMs);
    },
    hangDevice: async (server, forMs) => {
      servers.order(server, { kind: "hang", server: server.alias, forMs });
      await wait(forMs + orderMs);
    },
    cut: async (server) => {
      servers.order(server, { kind: "cut", server: server.alias });
      await wait(orderMs);
    },
    late: async (server, byMs) => {
      const isDue = servers.lateReply(server);
      servers.order(server, { kind: "late", server: server.alias, byMs });
      await Promise.race([isDue, wait(mostPollsMs)]);
      await wait(byMs);
    },
    killServers: async (process, downMs) => {
      await servers.kill("opcua", process);
      await wait(downMs);
      if (!ending.aborted) await servers.start("opcua", process);
    },
    stopServers: async (process, forMs) => {
      servers.signal("opcua", process, "SIGSTOP");
      await wait(forMs);
      servers.signal("opcua", process, "SIGCONT");
    },
    reconfigure: async (server) => {
      change(server.alias);
      await wait(configurationMs);
    },
    away: async (away, work) => {
      const backs = away.map(({ alias }) => judge.outage(alias, Date.now()));
      await work();
      for (const back of backs) back(Date.now());
    },
  };
}
