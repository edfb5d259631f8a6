// The host of `sparkplug_host.py`. `scripts/test-bridge` makes its environment.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Ending } from "./engine.ts";

const python = fileURLToPath(new URL("../../../node_modules/.cache/bridge-engines/venv/bin/python", import.meta.url));

export interface HostMetric {
  readonly name: string | null;
  readonly value: unknown;
  readonly type: string;
  readonly historical: boolean;
}

export interface HostMessage {
  readonly type: string;
  readonly device?: string | null;
  readonly seq?: number | null;
  readonly metrics?: readonly HostMetric[];
}

export function startSparkplugHost(t: Ending, port: number, group: string, edgeNode: string) {
  const script = fileURLToPath(new URL("sparkplug_host.py", import.meta.url));
  const child = spawn(python, [script, "127.0.0.1", String(port), group, edgeNode]);
  const messages: HostMessage[] = [];
  let printed = "";
  createInterface(child.stdout).on("line", (line) => messages.push(JSON.parse(line) as HostMessage));
  child.stderr.on("data", (text: Buffer) => (printed = `${printed}${text.toString()}`.slice(-5000)));
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return { messages, askForRebirth: () => child.stdin.write("\n"), evidence: () => printed };
}
