// What a document says where consumers know different things: of values that cannot be read, and of numbers that JSON has no words for.

import type { NonFinite } from "@cpc-partition/image/values/double-json";
import type { ServiceName } from "@cpc-partition/image/service-name";

/** As configured, for both services. */
export interface DocumentSettings {
  /** A point that cannot be read is left out, or has a text for its value; by default it is left out. */
  readonly unreadable?: "leave-out" | "text" | undefined;
  /** JSON by the letter of RFC 8259; by default NaN and the infinities are written as Python's json does. */
  readonly strictJson?: boolean | undefined;
}

export interface DocumentForm {
  /** The text for a value that cannot be read; undefined: its entry is left out. */
  readonly unreadable: string | undefined;
  readonly nonFinite: NonFinite;
}

/** The texts that the consumers of each service know. */
const unreadableText = { opcua: "Error reading value", modbus: "ERROR READING VALUE" } as const;

export function documentForm(service: ServiceName, settings: DocumentSettings = {}): DocumentForm {
  return {
    unreadable: settings.unreadable === "text" ? unreadableText[service] : undefined,
    nonFinite: settings.strictJson === true ? "strings" : "tokens",
  };
}
