// From the text of a configuration to outputs that can be started. All errors are found at once.

import { dirname, join, resolve } from "node:path";
import { quote } from "@cpc-partition/process/quote";
import { addressText, BrokerSettings } from "./configuration/broker-settings.ts";
import { readDelivery, type DeliverySettings } from "./configuration/delivery-settings.ts";
import { Fields } from "./configuration/fields.ts";
import { parseYaml } from "./configuration/parse-yaml.ts";
import { Problems } from "./configuration/problems.ts";
import type { Output } from "./outputs/output.ts";
import { outputKinds } from "./outputs/registry.ts";

export interface ConfiguredOutput {
  readonly output: Output;
  /** HOST:PORT. */
  readonly address: string;
  readonly stateFolder: string;
  readonly delivery: DeliverySettings;
}

export interface BridgeConfiguration {
  readonly outputs: readonly ConfiguredOutput[];
  readonly problems: Problems;
}

export interface LoadOptions {
  /** Name of the file, for messages and for relative paths in it. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stateFolder: string;
  readonly noCommands: boolean;
  /** HOST:PORT, HOST:*; empty: every address of the file. */
  readonly allowed: readonly string[];
}

export function loadConfiguration(text: string, options: LoadOptions): BridgeConfiguration {
  const problems = new Problems(options.file);
  const root = parseYaml(text, problems);
  if (root === undefined) return { outputs: [], problems };
  if (root.kind !== "map") {
    problems.error(root.line, "the file must be a map with the setting outputs");
    return { outputs: [], problems };
  }
  const fields = new Fields(root, "", problems);
  const entries = fields.maps("outputs");
  if (entries.length === 0 && !problems.hasErrors)
    fields.error("outputs", "is missing or empty; list at least one output, with type and address");
  fields.end();
  const names = new Set<string>();
  const outputs = entries.flatMap((entry) => {
    const name = entry.text("name") ?? entry.text("type") ?? "output";
    if (!/^[\w-]{1,60}$/.test(name)) entry.error("name", "can have letters, digits, '_' and '-', 60 at most");
    if (names.has(name)) entry.error("name", `${quote(name)} is there twice; give each output a name of its own`);
    names.add(name);
    return readOutput(entry, name, options) ?? [];
  });
  return { outputs, problems };
}

function readOutput(fields: Fields, name: string, options: LoadOptions): ConfiguredOutput | undefined {
  const type = fields.requiredText("type", Object.keys(outputKinds)[0] ?? "");
  const kind = Object.hasOwn(outputKinds, type) ? outputKinds[type] : undefined;
  if (kind === undefined) {
    if (type !== "") fields.error("type", `is ${quote(type)}; it can be ${Object.keys(outputKinds).join(", ")}`);
    return undefined;
  }
  const place = { directory: dirname(resolve(options.file)), environment: options.environment };
  const broker = new BrokerSettings(fields, kind.schemes, place);
  for (const address of broker.addresses) {
    const { allowed } = options;
    const isAllowed =
      allowed.length === 0 || allowed.includes(addressText(address)) || allowed.includes(`${address.host}:*`);
    const setting = address === broker.address ? "address" : "alternatives";
    if (!isAllowed) fields.error(setting, `leads to ${addressText(address)}, which --allow does not name`);
  }
  const stateFolder = join(options.stateFolder, name);
  const takesCommands = fields.boolean("commands", true) && !options.noCommands;
  const output = kind.read(fields, { name, broker, stateFolder, takesCommands });
  const delivery = readDelivery(fields);
  fields.end();
  return { output, address: broker.text, stateFolder, delivery };
}
