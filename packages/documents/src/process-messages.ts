// What the partition and the documents process that it supervises tell each other.

import type { LogLevel } from "@cpc-partition/process/log";
import type { DocumentsOptions } from "./documents.ts";

export interface SupervisedDocuments extends DocumentsOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
}

/** From the parent. A parent that is gone, which closes the channel, means "stop", too: then the objects stay. */
export type MessageToDocuments =
  | { readonly kind: "start"; readonly documents: SupervisedDocuments }
  | { readonly kind: "stop"; readonly removeObjects: boolean };

/** From the documents process: why it ends by itself. */
export interface MessageFromDocuments {
  readonly kind: "failed";
  readonly reason: string;
}
