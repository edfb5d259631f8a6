// Our failure to get an answer from a server. What a server answers, even an error, is data and not one of these.

/** Why; counted by kind and shown to the operator. */
export type ServerErrorCode =
  /** Name not found, no route, refused, reset, closed. */
  | "ConnectionFailed"
  /** No answer in time. */
  | "Timeout"
  /** An answer that breaks the protocol. */
  | "ProtocolViolation"
  /** Certificate, policy or mode not as configured or not trusted. */
  | "SecurityRefused"
  /** User name, password or user certificate refused. */
  | "IdentityRefused"
  /** The server answers, but with a fault of its own for the whole request. */
  | "ServiceFault"
  /** We ended it ourselves. */
  | "Stopped";

export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: ServerErrorCode;
  readonly server: string;

  /** `message` says "cannot X because Y"; the server's alias is a field, not part of it. */
  constructor(code: ServerErrorCode, server: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.server = server;
  }
}
