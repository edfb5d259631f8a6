// What befalls the soak's servers and consumers, and when: every kind of disturbance again and again after pauses that the seed decides,
// never two at once for one server. Each that takes a server away is told to the judge with its end.

import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../fuzzing/random.ts";
import { processesOf, serversOf, type PlannedServer, type Protocol } from "./plan.ts";

/** What consumers that come and go do. */
export const visits = [
  "reads",
  "sleeps on the image",
  "dies holding the guard",
  "dies reading",
  "holds the guard for long",
  "posts too often",
  "unlinks the segment",
  "unlinks the semaphore",
  "overwrites the document",
] as const;
export type Visit = (typeof visits)[number];

/** What can be done. Each call resolves when the server works again. */
export interface Arms {
  restartDevice(server: PlannedServer, downMs: number): Promise<void>;
  hangDevice(server: PlannedServer, forMs: number): Promise<void>;
  cut(server: PlannedServer): Promise<void>;
  /** Resolves when the late reply is over. */
  late(server: PlannedServer, byMs: number): Promise<void>;
  killServers(process: number, downMs: number): Promise<void>;
  stopServers(process: number, forMs: number): Promise<void>;
  reconfigure(server: PlannedServer): Promise<void>;
  visit(visit: Visit, protocol: Protocol): Promise<void>;
  /** Called around whatever takes servers away. */
  away(servers: readonly PlannedServer[], work: () => Promise<void>): Promise<void>;
}

interface Kind {
  readonly name: string;
  /** Mean pause between two. */
  readonly everyMs: number;
  readonly run: (random: Random, arms: Arms, idle: Idle) => Promise<boolean>;
}

/** Picks servers to which nothing happens at the moment; undefined when there is none. */
class Idle {
  readonly #busy = new Set<string>();

  pick<T>(
    random: Random,
    choices: readonly T[],
    serversOfChoice: (choice: T) => readonly PlannedServer[],
  ): T | undefined {
    const free = choices.filter((choice) => serversOfChoice(choice).every(({ alias }) => !this.#busy.has(alias)));
    return free.length === 0 ? undefined : random.pick(free);
  }

  async during(servers: readonly PlannedServer[], work: () => Promise<void>): Promise<void> {
    for (const { alias } of servers) this.#busy.add(alias);
    try {
      await work();
    } finally {
      for (const { alias } of servers) this.#busy.delete(alias);
    }
  }
}

function ofServer(
  protocol: Protocol,
  run: (server: PlannedServer, random: Random, arms: Arms) => Promise<void>,
): Kind["run"] {
  return async (random, arms, idle) => {
    const server = idle.pick(random, serversOf(protocol), (one) => [one]);
    if (server === undefined) return false;
    await idle.during([server], () => arms.away([server], () => run(server, random, arms)));
    return true;
  };
}

function ofProcess(run: (process: number, random: Random, arms: Arms) => Promise<void>): Kind["run"] {
  return async (random, arms, idle) => {
    const all = Array.from({ length: processesOf("opcua") }, (_, process) => process);
    const process = idle.pick(random, all, (one) => serversOf("opcua", one));
    if (process === undefined) return false;
    const servers = serversOf("opcua", process);
    await idle.during(servers, () => arms.away(servers, () => run(process, random, arms)));
    return true;
  };
}

const kinds: readonly Kind[] = [
  {
    name: "Modbus device restarted",
    everyMs: 90_000,
    run: ofServer("modbus", (server, random, arms) => arms.restartDevice(server, random.from(500, 5000))),
  },
  {
    name: "Modbus device hung",
    everyMs: 90_000,
    run: ofServer("modbus", (server, random, arms) => arms.hangDevice(server, random.from(1500, 8000))),
  },
  { name: "Modbus connection cut", everyMs: 60_000, run: ofServer("modbus", (server, _, arms) => arms.cut(server)) },
  {
    name: "Modbus reply after the time-out",
    everyMs: 60_000,
    run: ofServer("modbus", (server, random, arms) => arms.late(server, random.from(1200, 3000))),
  },
  {
    name: "two OPC UA servers killed and started again",
    everyMs: 150_000,
    run: ofProcess((process, random, arms) => arms.killServers(process, random.from(500, 4000))),
  },
  {
    name: "two OPC UA servers stopped (SIGSTOP)",
    everyMs: 120_000,
    run: ofProcess((process, random, arms) => arms.stopServers(process, random.from(1500, 8000))),
  },
  { name: "OPC UA connection cut", everyMs: 60_000, run: ofServer("opcua", (server, _, arms) => arms.cut(server)) },
  {
    name: "OPC UA answer after the time-out",
    everyMs: 60_000,
    run: ofServer("opcua", (server, random, arms) => arms.late(server, random.from(1200, 3000))),
  },
  {
    name: "configuration of a Modbus device changed",
    everyMs: 240_000,
    run: ofServer("modbus", (server, _, arms) => arms.reconfigure(server)),
  },
  ...visits.map((role) => ({
    name: `consumer that ${role}`,
    everyMs: 90_000,
    run: async (random: Random, arms: Arms): Promise<boolean> => {
      await arms.visit(role, random.pick(["modbus", "opcua"]));
      return true;
    },
  })),
];

export interface Disturbances {
  /** How often each kind was done; grows meanwhile. */
  readonly counts: ReadonlyMap<string, number>;
  readonly ended: Promise<unknown>;
}

/** Runs until the signal aborts; `pace` divides the pauses, 0: nothing is done. */
export function disturb(seed: number, pace: number, arms: Arms, stop: AbortSignal): Disturbances {
  const counts = new Map(kinds.map(({ name }) => [name, 0]));
  const idle = new Idle();
  const again = async (kind: Kind, random: Random): Promise<void> => {
    if (pace === 0) return;
    for (;;) {
      const factor = 0.25 + (1.5 * random.below(1000)) / 1000;
      await pause((kind.everyMs * factor) / pace, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) return;
      if (await kind.run(random, arms, idle)) counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1);
    }
  };
  return { counts, ended: Promise.all(kinds.map((kind, index) => again(kind, new Random(seed, 2000 + index)))) };
}
