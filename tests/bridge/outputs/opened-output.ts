// An output as the configuration makes it, against a broker of this process.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { yamlText } from "../../../packages/bridge/src/configuration/parse-yaml.ts";
import { loadConfiguration } from "../../../packages/bridge/src/load-configuration.ts";
import type { PointChange } from "../../../packages/bridge/src/observation/observed-change.ts";
import type { Output, Session } from "../../../packages/bridge/src/outputs/output.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";

export function openedOutput(t: TestContext, settings: Readonly<Record<string, unknown>>, noCommands = false) {
  const stateFolder = mkdtempSync(join(tmpdir(), "cpc-bridge-"));
  t.after(() => rmSync(stateFolder, { recursive: true }));
  const load = (): Output => {
    const { outputs, problems } = loadConfiguration(yamlText({ outputs: [settings] }), {
      file: "bridge.yaml",
      environment: process.env,
      stateFolder,
      noCommands,
      allowed: [],
    });
    const [configured] = outputs;
    if (configured === undefined || problems.hasErrors) throw new TypeError(problems.errors.join("\n"));
    return configured.output;
  };
  const output = load();
  const logged: string[] = [];
  let birthsWanted = 0;
  const stop = new AbortController();
  const sessions: Session[] = [];
  t.after(async () => {
    stop.abort();
    await Promise.all(sessions.map((session) => session.end()));
  });
  const connect = async (): Promise<Session> => {
    const session = await output.connect({
      log: (_, message) => logged.push(message),
      events: { birthsWanted: () => birthsWanted++ },
      signal: stop.signal,
    });
    sessions.push(session);
    return session;
  };
  return { output, connect, logged, birthsWanted: () => birthsWanted };
}

export function changeOf(server: string, key: string, value: number, changed: Partial<PointChange> = {}): PointChange {
  const point = {
    service: "modbus",
    server,
    key,
    unit: "kW",
    description: `about ${key}`,
    type: BuiltInType.Double,
  } as const;
  const times = { sourceNs: 0n, receivedNs: 1_764_000_000_123_456_789n, publishedNs: 1_764_000_000_124_000_000n };
  return { point, type: BuiltInType.Double, value, status: 0, ...times, run: 1n, position: 64n, ...changed };
}
