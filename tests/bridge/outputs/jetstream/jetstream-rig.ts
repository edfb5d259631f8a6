// The output `jetstream` as a configuration file describes it.

import { loadConfiguration } from "../../../../packages/bridge/src/load-configuration.ts";
import type { Output, OutputContext } from "../../../../packages/bridge/src/outputs/output.ts";
import type { PointChange } from "../../../../packages/bridge/src/observation/observed-change.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";

export function jetStreamOutput(settings: Readonly<Record<string, unknown>>): Output {
  const text = JSON.stringify({ outputs: [{ type: "jetstream", ...settings }] });
  const { outputs, problems } = loadConfiguration(text, {
    file: "bridge.yaml",
    environment: process.env,
    stateFolder: "/nonexistent",
    noCommands: true,
    allowed: [],
  });
  const [configured] = outputs;
  if (configured === undefined || problems.hasErrors) throw new TypeError(problems.errors.join("\n"));
  return configured.output;
}

export function contextOf(logged: string[] = []): OutputContext {
  const log = (_level: string, message: string): number => logged.push(message);
  return { log, events: { birthsWanted: () => {} }, signal: new AbortController().signal };
}

/** Changes of one point of each server, one position after another. */
export function changesOf(
  count: number,
  first = 0,
  server = "Kessel 1",
  key = "Kessel 1: Temperatur °C",
): readonly PointChange[] {
  const point = { service: "opcua", server, key, unit: "°C", description: "", type: BuiltInType.Double } as const;
  return Array.from({ length: count }, (_, index) => ({
    point,
    type: BuiltInType.Double,
    value: first + index,
    status: 0,
    sourceNs: 0n,
    receivedNs: 1_700_000_000_000_000_000n,
    publishedNs: 1_700_000_000_000_000_000n,
    run: 17n,
    position: BigInt(64 * (first + index)),
  }));
}
