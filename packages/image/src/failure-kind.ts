// Why an attempt to get an answer from a server failed. The image counts failures by these kinds.

/** Why; counted by kind and shown to the operator. */
export type FailureKind =
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
