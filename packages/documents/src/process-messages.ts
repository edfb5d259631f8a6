// What the partition and the documents process that it supervises tell each other.

import type { LogFormat, LogLevel } from "@cpc-partition/process/log";
import type { DocumentsOptions } from "./documents.ts";

export interface SupervisedDocuments extends DocumentsOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** From the parent. A parent that is gone, which closes the channel, means "stop", too: then the objects stay. */
export type MessageToDocuments =
  | { readonly kind: "start"; readonly documents: SupervisedDocuments }
  | { readonly kind: "stop"; readonly removeObjects: boolean };

/** From the documents process: the consumers' objects are there; or why it ends by itself. */
export type MessageFromDocuments = { readonly kind: "begun" } | { readonly kind: "failed"; readonly reason: string };
