// The targets by name. Each is loaded by the thread that runs it, and only there.

import type { Target } from "./campaign.ts";
import { defective, type Defect } from "./defective.ts";

const targets = {
  "modbus-stream": async () => (await import("./modbus-stream.ts")).modbusStream(),
  "opcua-messages": async () => (await import("./opcua-messages.ts")).opcuaMessages(),
  "modbus-device": async () => (await import("./modbus-device.ts")).modbusDevice(),
  "modbus-rtu": async () => (await import("./modbus-rtu.ts")).modbusRtu(),
  "modbus-tls": async () => (await import("./modbus-tls.ts")).modbusTls(),
  "opcua-before-trust": async () => (await import("./opcua-before-trust.ts")).opcuaBeforeTrust(),
  "opcua-server": async () => (await import("./opcua-server.ts")).opcuaServer(),
} satisfies Readonly<Record<string, () => Promise<Target>>>;

export type TargetName = keyof typeof targets;

/** One of the targets, or one with a defect that has to be found. */
export type Aim = { readonly target: TargetName } | { readonly target: "defective"; readonly defect: Defect };

export async function openTarget(aim: Aim): Promise<Target> {
  return aim.target === "defective" ? defective(aim.defect) : await targets[aim.target]();
}
