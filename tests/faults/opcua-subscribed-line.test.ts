// The line of an OPC UA server that is subscribed to stays, and what comes over it is late or has a wrong bit. In pieces, and garbage:
// opcua-line.test.ts. How it breaks: opcua-connection.test.ts.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { TestContext } from "node:test";
import { Random } from "../fuzzing/random.ts";
import type { TcpProxy } from "../plant/tcp-proxy.ts";
import { fault } from "./fault.ts";
import { linesOfFile, subscribed, timeoutMs, type Scene, type VictimOptions } from "./opcua-lines.ts";

const server = linesOfFile("usual");
const secured = { ...subscribed, isSecure: true };

async function scene(t: TestContext, victims: readonly VictimOptions[]): Promise<Scene> {
  t.after(() => server().forgetSubscriptions());
  const begun = await server().scene(t, victims);
  await begun.allGood();
  return begun;
}

function failed(from: Scene, alias: string): boolean {
  return Object.keys(from.health(alias).failures).length > 0;
}

fault({
  area: "OPC UA server",
  trigger: "subscribed to, its messages are held back: within the time-out, and long after it",
  holds:
    "what comes in time is taken, and a value never looks good for longer than the keep-alive time and the time-out",
  run: async (t) => {
    const heldMs = [timeoutMs / 2, 3 * timeoutMs];
    const begun = await scene(
      t,
      heldMs.map(() => subscribed),
    );
    await Promise.all(
      begun.victims.map(async ({ line }, index) => {
        line.faults.hold = true;
        await pause(heldMs[index]);
        line.mend();
      }),
    );
    await begun.recovers();
    const [inTime, late] = begun.aliases.map((alias) => begun.health(alias).failures);
    assert.deepEqual(inTime, {});
    assert.ok((late?.Timeout ?? 0) > 0);
    await begun.end();
  },
});

fault({
  area: "OPC UA server",
  trigger: "subscribed to, one bit of what it sends is wrong, with security",
  holds: "that message is not believed, whichever bit it is, and the next connection is good",
  run: async (t) => {
    const seed = Number(process.env["CPC_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`seed ${seed}`);
    const begun = await scene(t, [secured, secured, secured]);
    begun.victims.forEach(({ line }, index) => flipOneBit(line, new Random(seed, index)));
    await begun.partition.until("each wrong bit is noticed", () =>
      begun.aliases.every((alias) => failed(begun, alias)),
    );
    await begun.recovers();
    await begun.end();
  },
});

function flipOneBit({ faults }: TcpProxy, random: Random): void {
  faults.spoil = (direction, bytes) => {
    if (direction === "to server" || bytes.toString("latin1", 0, 3) !== "MSG") return bytes;
    faults.spoil = undefined;
    const spoiled = Buffer.from(bytes);
    const bit = random.below(8 * bytes.length);
    spoiled[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return spoiled;
  };
}
