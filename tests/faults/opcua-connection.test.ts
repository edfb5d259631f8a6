// The connection to an OPC UA server is not there, falls silent or breaks, in every way and at every step in which connections do; the server is
// read or subscribed to.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { ServiceHealth } from "../../packages/image/src/health.ts";
import { Random } from "../fuzzing/random.ts";
import { BornServer } from "./born-server.ts";
import { fault, times } from "./fault.ts";
import {
  linesOfFile,
  pointsPerVictim,
  retryIntervalMs,
  settings,
  type Scene,
  type Victim,
  type VictimOptions,
} from "./opcua-lines.ts";
import { freePort } from "../plant/free-port.ts";
import type { Direction, TcpProxy } from "../plant/tcp-proxy.ts";
import { isChunk, type Chunk } from "./ua-chunk.ts";

const server = linesOfFile("usual");

const both: ReadonlySet<Direction> = new Set(["to client", "to server"]);
const answers: ReadonlySet<Direction> = new Set(["to client"]);

fault({
  area: "OPC UA server",
  trigger: "it is down at the start, comes, is killed and comes back",
  holds: "its values are bad while it is away, its neighbour's stay good, `cpc status` tells why, and nobody helps",
  run: async (t) => {
    const port = await freePort();
    const scene = await server().scene(t, [{ port }]);
    const { partition } = scene;
    const start = (): Promise<BornServer> => BornServer.start(t, "opcua", 0, pointsPerVictim, { port });
    await partition.untilGood("neighbour");
    await scene.reasonsTold(/^cannot connect to .* because nothing listens there/);
    const { stdout, code } = await partition.sandbox.cpc(["status", "--json", "--prefix", partition.sandbox.prefix])
      .ended;
    const { services } = JSON.parse(stdout) as { readonly services: readonly ServiceHealth[] };
    const victim = services[0]?.servers[0];
    assert.equal(victim?.state, "lost");
    assert.match(victim.lastError, /nothing listens there/);
    assert.ok((victim.failures.ConnectionFailed ?? 0) > 0);
    assert.equal(code, 0, "a server that is down is no reason to start the partition again");
    const first = await start();
    await scene.recovers();
    await partition.healthy();
    await first.end("SIGKILL");
    await scene.allBad();
    await scene.reasonsTold(/nothing listens there/);
    await start();
    await scene.recovers();
    await scene.end(1);
  },
});

fault({
  area: "OPC UA server",
  trigger: "nobody knows its name",
  holds: "it is asked for again and again, `status` says that it is the name, and the neighbour goes on",
  run: async (t) => {
    // No label of a name has more than 63 octets (RFC 1035, 2.3.4): the answer needs no network.
    const scene = await server().scene(t, [{ host: "a".repeat(64), port: 4840 }]);
    await scene.partition.untilGood("neighbour");
    await scene.partition.healthy();
    await scene.reasonsTold(/its name is not known \(DNS\)/);
    await scene.partition.until(
      "it was asked for again",
      () => (scene.health("victim 0").failures.ConnectionFailed ?? 0) > 3,
    );
    await scene.allBad();
    await scene.end(1);
  },
});

/** Each connect asks for the endpoints on a channel of its own first. */
const steps: readonly (readonly [chunk: Chunk, nth: number, reason: RegExp])[] = [
  ["HEL", 1, /^cannot connect to .* no answer came/],
  ["OPN", 1, /^cannot connect to .* no answer came/],
  ["GetEndpointsRequest", 1, /^cannot read the endpoints .* no answer came/],
  ["HEL", 2, /^cannot open a secure channel .* no answer came/],
  ["OPN", 2, /^cannot open a secure channel .* no answer came/],
  ["CreateSessionRequest", 1, /^cannot open a session .* no answer came/],
  ["ActivateSessionRequest", 1, /^cannot open a session .* no answer came/],
  ["ReadRequest", 1, /^cannot read from .* no answer came/],
  ["ReadRequest", 5, /^cannot read from .* no answer came/],
];

/** In each connect, no answer comes from the `nth` request of this kind on. */
function silenceAt(line: TcpProxy, chunk: Chunk, nth: number): void {
  let seen = 0;
  line.onBytes = (direction, bytes) => {
    if (direction === "to client") return;
    if (line.faults.drop.size > 0 && isChunk(bytes, "HEL")) {
      line.faults.drop = new Set();
      seen = 0;
    }
    if (isChunk(bytes, chunk) && ++seen === nth) line.faults.drop = answers;
  };
}

fault({
  area: "OPC UA server",
  trigger: "it accepts and never answers, from any step of a connect on",
  holds: "each step ends after the time-out with its own reason, and all are good again when it answers",
  run: async (t) => {
    const scene = await server().scene(
      t,
      [...steps, "deaf"].map(() => ({})),
    );
    await scene.allGood();
    steps.forEach(([chunk, nth], index) => silenceAt(scene.victim(index).line, chunk, nth));
    scene.victim(steps.length).line.faults.drop = both;
    for (const { line } of scene.victims) line.cut();
    await scene.allBad();
    await scene.reasonsTold(...steps.map(([, , reason]) => reason), /^cannot connect to .* no answer came/);
    for (const alias of scene.aliases) assert.ok((scene.health(alias).failures.Timeout ?? 0) > 0, alias);
    await scene.recovers();
    await scene.end();
  },
});

const loopMs = 2000;
/** Right away, after the acknowledgement, in the endpoints, in the answers to the session's requests. */
const closesAfterBytes = [undefined, 28, 1000, 9000];

fault({
  area: "OPC UA server",
  trigger: "it accepts and closes in a loop, at whatever step",
  holds: "it is tried again no sooner than after `retryInterval`, the log stays short, and it is good when it stays",
  run: async (t) => {
    const scene = await server().scene(
      t,
      closesAfterBytes.map(() => ({})),
    );
    await scene.allGood();
    scene.victims.forEach(({ line }, index) => {
      const cutAfterBytes = closesAfterBytes[index];
      Object.assign(line.faults, cutAfterBytes === undefined ? { refuseAll: true } : { cutAfterBytes });
      line.cut();
    });
    await scene.allBad();
    const before = scene.victims.map(({ line }) => line.connections);
    const beganMs = performance.now();
    await pause(loopMs);
    // A connect has two connections, one for the endpoints and one for the session; one connect may be under way at the beginning.
    const most = 2 * (Math.ceil((performance.now() - beganMs) / retryIntervalMs) + 1);
    scene.victims.forEach(({ alias, line }, index) => {
      const made = line.connections - (before[index] ?? 0);
      assert.ok(made > 2, `${alias} was tried again`);
      assert.ok(made <= most, `${alias}: ${made} connections, not more than ${most} are right`);
      const logged = scene.partition.child.logged(/./).filter((record) => record["server"] === alias);
      assert.ok(logged.length <= 10, `${alias}: ${logged.length} records in the log`);
    });
    await scene.recovers();
    await scene.end();
  },
});

/** How values come, and what that changes when they no longer do. */
interface Acquisition {
  readonly trigger: string;
  readonly setting: string;
  /** In the response with the values: before its first byte, in its head, in the head of the message, in the values. */
  readonly cutsAtBytes: readonly number[];
  readonly noticed: string;
  readonly silence: RegExp;
  /** A connect has eleven answers; the others are of the first polls, or take the subscription over or make it, and messages. */
  readonly mostAnswers: number;
}

const acquisitions: readonly Acquisition[] = [
  {
    trigger: "it",
    setting: "",
    cutsAtBytes: [0, 1, 7, 8, 23, 50, 90],
    noticed: "after the time-out",
    silence: /no answer came/,
    mostAnswers: 14,
  },
  {
    trigger: "subscribed to, it",
    setting: "<acquisition>subscribe</acquisition>",
    cutsAtBytes: [0, 1, 7, 23, 50, 90, 130],
    noticed: "after the keep-alive time and the time-out",
    silence: /because nothing comes although a message is due|no answer came/,
    mostAnswers: 24,
  },
];

/** Breaks this line once, within one of the next answers. */
async function breakOnce({ line }: Victim, mostAnswers: number, random: Random): Promise<void> {
  const cuts = line.cuts;
  let answersLeft = random.below(mostAnswers);
  line.onBytes = (direction, { length }) => {
    if (direction === "to server" || answersLeft-- > 0) return;
    line.onBytes = () => {};
    const faults = { cutAfterBytes: random.below(length), cutBy: random.pick(["end", "reset"] as const) };
    Object.assign(line.faults, faults);
  };
  while (line.cuts === cuts) await pause(1);
  line.faults.cutAfterBytes = undefined;
}

for (const { trigger, setting, cutsAtBytes, noticed, silence, mostAnswers } of acquisitions) {
  const begun = async (t: TestContext, victims: readonly VictimOptions[]): Promise<Scene> => {
    t.after(() => server().forgetSubscriptions());
    const scene = await server().scene(
      t,
      victims.map((victim) => ({ ...victim, settings: `${victim.settings ?? settings}${setting}` })),
    );
    await scene.allGood();
    return scene;
  };

  fault({
    area: "OPC UA server",
    trigger: `${trigger} is stopped for three seconds (SIGSTOP) and goes on`,
    holds: `its values are bad ${noticed}, and good again when it goes on`,
    run: async (t) => {
      const stopped = await BornServer.start(t, "opcua", 0, pointsPerVictim);
      const scene = await begun(t, [{ port: stopped.port }]);
      stopped.signal("SIGSTOP");
      await pause(3000);
      assert.ok(scene.partition.witness.isBad("victim 0"));
      await scene.reasonsTold(silence);
      stopped.signal("SIGCONT");
      await scene.recovers();
      await scene.end(1);
    },
  });

  fault({
    area: "OPC UA server",
    trigger: `${trigger} dies in the middle of its values, after any number of bytes, by FIN or by RST`,
    holds: "its values are bad at once, the reason is told, and all are good again when it is back",
    run: async (t) => {
      const cuts = (["end", "reset"] as const).flatMap((cutBy) =>
        cutsAtBytes.map((cutAfterBytes) => ({ cutBy, cutAfterBytes })),
      );
      const scene = await begun(
        t,
        cuts.map(() => ({})),
      );
      cuts.forEach((cut, index) => Object.assign(scene.victim(index).line.faults, cut));
      await scene.allBad();
      await scene.reasonsTold(...cuts.map(() => /was lost$|because the server closed the connection/));
      for (const { line } of scene.victims) assert.ok(line.cuts > 0);
      await scene.recovers();
      await scene.end();
    },
  });

  fault({
    area: "OPC UA server",
    trigger: `${trigger} breaks again while the session is being repaired, at random moments`,
    holds: "it recovers by itself, and neither the partition nor the server keeps anything of the attempts",
    limitMs: 600_000,
    run: async (t) => {
      const seed = Number(process.env["CPC_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`seed ${seed}`);
      const pace = setting === "" ? "" : "<publishingInterval>0.02</publishingInterval>";
      const quick = `<timeout>1</timeout><retryInterval>0.1</retryInterval>${pace}`;
      const scene = await begun(t, [{ settings: quick }, { settings: quick, isSecure: true }]);
      await Promise.all(
        scene.victims.map(async (victim, index) => {
          const random = new Random(seed, index);
          for (let time = times({ quick: 3, usual: 20, long: 200 }); time > 0; time--)
            await breakOnce(victim, mostAnswers, random);
        }),
      );
      await scene.recovers();
      // What broke last may not have been noticed yet.
      await scene.polledAgain(2);
      await scene.end();
    },
  });
}
