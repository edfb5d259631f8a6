// The one list of outputs.

import { jetStream } from "./jetstream/jetstream-output.ts";
import { mqtt } from "./mqtt/mqtt-output.ts";
import type { OutputKind } from "./output-kind.ts";
import { sparkplug } from "./sparkplug/sparkplug-output.ts";

export const outputKinds: Readonly<Record<string, OutputKind>> = { sparkplug, mqtt, jetstream: jetStream };
