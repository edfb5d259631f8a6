// A kind of output: how its addresses look, and how its settings become an output. Nothing is connected by that.

import type { BrokerSettings, Schemes } from "../configuration/broker-settings.ts";
import type { Fields } from "../configuration/fields.ts";
import type { Output } from "./output.ts";

export interface OutputSetting {
  readonly name: string;
  readonly broker: BrokerSettings;
  /** A folder for what the output must remember over restarts; it is made before the first connection. */
  readonly stateFolder: string;
  /** False: nothing is subscribed to. */
  readonly takesCommands: boolean;
}

export interface OutputKind {
  readonly schemes: Schemes;
  readonly read: (fields: Fields, setting: OutputSetting) => Output;
}
