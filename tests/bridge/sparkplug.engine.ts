// A whole gateway against programs that others wrote: simulated plant, partition and `cpc bridge sparkplug` as processes, the brokers
// mosquitto and nats-server, and a Sparkplug host.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Sandbox } from "../partition/commands/cpc.ts";
import { until } from "../until.ts";
import type { Engine } from "./engines/engine.ts";
import { mosquitto } from "./engines/mosquitto.ts";
import { natsServer } from "./engines/nats-server.ts";
import { freePort } from "../plant/free-port.ts";
import { startSparkplugHost, type HostMessage } from "./engines/sparkplug-host.ts";

/** Some process has the prefix in its command line. */
function isRunning(prefix: string): boolean {
  return globSync("/proc/[0-9]*/cmdline").some((file) => {
    try {
      return readFileSync(file, "utf8").includes(prefix);
    } catch {
      return false;
    }
  });
}

const brokers: Readonly<Record<string, (t: TestContext) => Promise<{ engine: Engine; port: number }>>> = {
  mosquitto: async (t) => {
    const engine = await mosquitto(t);
    return { engine, port: engine.port };
  },
  "nats-server": async (t) => {
    const port = await freePort();
    const engine = await natsServer(t, { lines: () => [`mqtt { listen: "127.0.0.1:${port}" }`] });
    return { engine, port };
  },
};

for (const [name, make] of Object.entries(brokers)) {
  test(`${name}: a host that others wrote sees births, data, a rebirth, the return of a broker, and the ends of partition and bridge`, async (t) => {
    const { engine, port } = await make(t);
    await engine.start();
    const sandbox = new Sandbox(t);
    const { prefix } = sandbox;
    const plant = sandbox.cpc(["demo", "--prefix", prefix, "--interval", "0.2"], { TMPDIR: sandbox.folder });
    const host = startSparkplugHost(t, port, "Werk%201", "gw%2F7");
    const seen = (type: string, from = 0): readonly HostMessage[] =>
      host.messages.slice(from).filter((message) => message.type === type);
    const evidence = (): string =>
      `${host.evidence()}\n${bridge.printed}\n${JSON.stringify(host.messages.map(({ type, device }) => [type, device]).slice(-20))}`;
    await until("the host is connected", () => seen("connected").length > 0, { evidence: host.evidence });
    const node = [
      "--group",
      "Werk 1",
      "--edge-node",
      "gw/7",
      "--prefix",
      prefix,
      "--state",
      join(sandbox.folder, "state"),
    ];
    const bridge = sandbox.cpc(["bridge", "sparkplug", `mqtt://127.0.0.1:${port}`, ...node]);
    const devices = (from = 0) => new Set(seen("DBIRTH", from).map(({ device }) => device));
    const watch = { evidence, isHopeless: () => !bridge.isRunning };
    await until("births of all three devices, and data", () => devices().size >= 3 && seen("DDATA").length > 3, watch);
    const metrics = seen("DBIRTH").flatMap(({ metrics: born = [] }) => born);
    assert.ok(metrics.some(({ type }) => type === "FLOAT") && metrics.some(({ type }) => type === "BOOLEAN"));

    // As a host does that has missed births: it may be back later than the bridge.
    const askForBirths = async (): Promise<void> => {
      const before = host.messages.length;
      await until(
        "births that the host asked for",
        () => {
          if (devices(before).size < 3) host.askForRebirth();
          return seen("NBIRTH", before).length > 0 && devices(before).size >= 3;
        },
        { ...watch, lookAgainMs: 500 },
      );
    };
    await askForBirths();
    assert.equal(bridge.printed.match(/connected to sparkplug/g)?.length, 1, "a rebirth disconnects nobody");
    await engine.kill();
    await engine.start();
    await until("the bridge is back", () => bridge.printed.match(/connected to sparkplug/g)?.length === 2, watch);
    await askForBirths();

    plant.signal("SIGKILL");
    await until(
      "the deaths of all devices",
      () => new Set(seen("DDEATH").map(({ device }) => device)).size >= 3,
      watch,
    );
    const beforeEnd = host.messages.length;
    assert.equal((await bridge.end()).code, 0, bridge.printed);
    await until("the death", () => seen("NDEATH", beforeEnd).length > 0, { evidence });
    // What was killed leaves children that end a moment later, and write until then.
    await until("nothing of this gateway runs", () => !isRunning(prefix));
  });
}
