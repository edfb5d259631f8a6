// The wall clock of the machine is set, while everything that has a schedule goes by the monotonic clock.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { fault } from "./fault.ts";
import { gateway, isFresh } from "./gateway.ts";
import { TestedPartition } from "./tested-partition.ts";
import { bornOpcUaXml, startBornOpcUa } from "./born-opcua.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { TcpProxy } from "../plant/tcp-proxy.ts";
import { Certificates, policy } from "./trusted-opcua.ts";

const intervalMs = 100;
const steps: Readonly<Record<string, string>> = {
  "an hour ahead": "+1h",
  "an hour back": "-1h",
  "ten years ahead": "+10y",
  "ten years back": "-10y",
  "to the first minutes of 1970": "@1970-01-01 00:10:00",
  "to the year 2200": "@2200-02-28 23:59:58",
  "to where it was": "+0",
};

interface Status {
  readonly isAlive: boolean;
  readonly services: readonly {
    readonly heartbeatAgeMs: number;
    readonly startedAt: string;
    readonly servers: readonly { readonly state: string; readonly lastGoodAgeMs: number }[];
  }[];
}

/** As an operator sees it, whose clock is the machine's. */
async function status(partition: TestedPartition, clock: SteppedClock): Promise<Status> {
  const args = ["status", "--json", "--prefix", partition.sandbox.prefix];
  return JSON.parse((await partition.sandbox.cpc(args, clock.env).ended).stdout) as Status;
}

fault({
  area: "Machine",
  trigger: `the wall clock is set ${Object.keys(steps).join(", ")}`,
  holds: "no tick is missed or doubled, values go on, and status is right by the new clock",
  limitMs: 120_000,
  run: async (t) => {
    const clock = SteppedClock.of(t);
    if (clock === undefined) return;
    const partition = await gateway(t, { launch: { env: clock.env }, rules: { longestPauseMs: Infinity } });
    await partition.until("values are good", () => isFresh(partition, 0));
    await partition.healthy();
    for (const [step, time] of Object.entries(steps)) {
      const before = partition.witnesses.map((witness) => witness.health!);
      const steppedMs = Date.now();
      clock.set(time);
      await partition.until(`values go on ${step}`, () => isFresh(partition, steppedMs));
      await pause(1000); // a second of ticks
      const elapsedTicks = (Date.now() - steppedMs) / intervalMs;
      partition.witnesses.forEach((witness, index) => {
        const published = witness.health!.documents - before[index]!.documents;
        const missed = witness.health!.ticksMissed - before[index]!.ticksMissed;
        const text = `${published} published and ${missed} missed of ${elapsedTicks.toFixed(1)} due ${step}`;
        assert.ok(Math.abs(published + missed - elapsedTicks) < 4, text);
      });
      const { isAlive, services } = await status(partition, clock);
      assert.ok(isAlive, `${step}: ${JSON.stringify(services)}`);
      for (const { heartbeatAgeMs, servers } of services) {
        assert.ok(Math.abs(heartbeatAgeMs) < 5000, `${step}: a heartbeat of ${heartbeatAgeMs} ms`);
        for (const { lastGoodAgeMs } of servers)
          assert.ok(lastGoodAgeMs < 5000, `${step}: good ${lastGoodAgeMs} ms ago`);
      }
    }
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "the wall clock was set back and the partition has stood still since",
  holds: "status does not take a heartbeat of the future for a living one",
  run: async (t) => {
    const clock = SteppedClock.of(t);
    if (clock === undefined) return;
    const partition = await gateway(t);
    await partition.until("values are good", () => isFresh(partition, 0));
    clock.set("-1h");
    const { isAlive, services } = await status(partition, clock);
    assert.equal(isAlive, false);
    for (const { heartbeatAgeMs } of services) assert.ok(heartbeatAgeMs < -3_500_000);
    const { stdout } = await partition.sandbox.cpc(["status", "--prefix", partition.sandbox.prefix], clock.env).ended;
    assert.match(stdout, /NOT RUNNING, last heartbeat in 60 min: the clock was set back since/);
    await partition.end();
  },
});

fault({
  area: "Machine",
  trigger: "the wall clock is set past the end of a server's certificate",
  holds: "the certificate is judged by the new time: its values are bad, and status says why",
  run: async (t) => {
    const clock = SteppedClock.of(t);
    if (clock === undefined) return;
    const certificates = await Certificates.of(t);
    const server = await startBornOpcUa(t, 0, 2, { certificate: await certificates.ofServer() });
    const proxy = await TcpProxy.start(server.port);
    t.after(() => proxy.close());
    const settings = "<timeout>1</timeout><retryInterval>0.2</retryInterval>";
    const opcua = bornOpcUaXml({ alias: "server", port: proxy.port, firstPlace: 0, points: 2, policy, settings });
    const { args } = certificates;
    const rules = { longestPauseMs: Infinity };
    const partition = new TestedPartition(t, { opcua, args, rules, launch: { env: clock.env } });
    await partition.until("values are good", () => isFresh(partition, 0));
    clock.set("+40y");
    proxy.cut();
    await partition.until("the certificate is refused", () =>
      /expired|ended|valid/i.test(partition.witness.server("server")?.lastError ?? ""),
    );
    await partition.untilBad("server");
    await partition.end();
  },
});
