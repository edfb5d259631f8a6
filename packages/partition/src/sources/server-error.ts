// Our failure to get an answer from a server. What a server answers, even an error, is data and not one of these.

import type { FailureKind } from "@cpc-partition/image/failure-kind";

export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: FailureKind;
  readonly server: string;

  /** `message` says "cannot X because Y"; the server's alias is a field, not part of it. */
  constructor(code: FailureKind, server: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.server = server;
  }
}
