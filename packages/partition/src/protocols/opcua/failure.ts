// What went wrong between us and the server, from the errors of node-opcua and of the operating system: which kind it is, and
// the words for the operator. The kind is taken from status codes and errno names, never from a message's text.

import { ServerError } from "../../sources/server-error.ts";
import type { FailureKind } from "@cpc-partition/image/failure-kind";
import { statusName } from "@cpc-partition/image/values/status-name";
import type { ChannelRecord } from "./channel/channel-record.ts";

/** Status codes that say why no session came about (OPC 10000-6, A.2). */
const identityStatuses = new Set([
  0x801f0000, // BadUserAccessDenied
  0x80200000, // BadIdentityTokenInvalid
  0x80210000, // BadIdentityTokenRejected
  0x80570000, // BadUserSignatureInvalid
]);
const securityStatuses = new Set([
  0x80120000, // BadCertificateInvalid
  0x80130000, // BadSecurityChecksFailed
  0x80140000, // BadCertificateTimeInvalid
  0x80150000, // BadCertificateIssuerTimeInvalid
  0x80160000, // BadCertificateHostNameInvalid
  0x80170000, // BadCertificateUriInvalid
  0x80180000, // BadCertificateUseNotAllowed
  0x80190000, // BadCertificateIssuerUseNotAllowed
  0x801a0000, // BadCertificateUntrusted
  0x801b0000, // BadCertificateRevocationUnknown
  0x801c0000, // BadCertificateIssuerRevocationUnknown
  0x801d0000, // BadCertificateRevoked
  0x801e0000, // BadCertificateIssuerRevoked
  0x80540000, // BadSecurityModeRejected
  0x80550000, // BadSecurityPolicyRejected
  0x80580000, // BadApplicationSignatureInvalid
  0x80e60000, // BadSecurityModeInsufficient
  0x810d0000, // BadCertificateChainIncomplete
  0x81140000, // BadCertificatePolicyCheckFailed
]);
/** The server has no session or channel of ours any more: only a new connection helps. */
const connectionStatuses = new Set([
  0x800a0000, // BadTimeout
  0x800c0000, // BadShutdown
  0x800d0000, // BadServerNotConnected
  0x800e0000, // BadServerHalted
  0x80220000, // BadSecureChannelIdInvalid
  0x80250000, // BadSessionIdInvalid
  0x80260000, // BadSessionClosed
  0x80270000, // BadSessionNotActivated
  0x80860000, // BadSecureChannelClosed
  0x80870000, // BadSecureChannelTokenUnknown
]);

interface Faulty {
  readonly statusCode?: { readonly value: number; readonly name: string };
  readonly response?: { readonly responseHeader?: { readonly serviceResult?: StatusCodeLike } };
}
interface StatusCodeLike {
  readonly value: number;
  readonly name: string;
}

/** The status code that the server gave as its reason, if the error carries one. */
export function statusOf(error: unknown): StatusCodeLike | undefined {
  const { statusCode, response } = error as Faulty;
  return statusCode ?? response?.responseHeader?.serviceResult;
}

/** True when a fault of the server for one request means that the session is gone. */
export function endsSession(status: number): boolean {
  return connectionStatuses.has(status >>> 0);
}

const errnoWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ENOTFOUND: "its name is not known (DNS)",
  EAI_AGAIN: "its name cannot be looked up at the moment (DNS)",
  EHOSTUNREACH: "there is no route to it (host unreachable)",
  ENETUNREACH: "there is no route to it (network unreachable)",
  ETIMEDOUT: "it does not answer (timed out)",
  ECONNRESET: "the server closed the connection",
  EPIPE: "the server closed the connection",
  EMFILE: "this process has reached its limit of open files; raise it",
  ERR_INVALID_URL: "the endpoint URL is not valid",
};

/** What helps, for the name of a status; undefined: the server gave no reason. */
export type Remedy = (code: string | undefined) => string | undefined;

const noRemedy: Remedy = () => undefined;

/**
 * Turns whatever was caught into a ServerError; `what` completes "cannot ...". To be called before we end the channel of the
 * `record` ourselves: when it has ended by then, that is the reason.
 */
export function asServerError(
  error: unknown,
  server: string,
  what: string,
  record?: ChannelRecord,
  remedy: Remedy = noRemedy,
): ServerError {
  if (error instanceof ServerError) return error;
  const fail = (code: FailureKind, reason: string, help?: string): ServerError => {
    const message = `cannot ${what} because ${reason}${help === undefined ? "" : `; ${help}`}`;
    return new ServerError(code, server, message, { cause: error });
  };
  const refusal = record?.refusal ?? statusOf(error) ?? statusOf(record?.openingError ?? {});
  if (refusal !== undefined) {
    const name = statusName(refusal.value);
    const code = codeOf(refusal.value);
    const isOver = record !== undefined && (record.refusal?.endsConnection === true || !record.hasOpened);
    return fail(
      isOver && code === "ServiceFault" ? "ConnectionFailed" : code,
      `the server answers ${name}`,
      remedy(name),
    );
  }
  const { violation } = record ?? {};
  if (violation !== undefined) {
    // A request that is too large for the server's answer is answered when it is smaller (read-size.ts).
    return fail(violation.isTooLarge ? "ConnectionFailed" : "ProtocolViolation", violation.reason);
  }
  if (record?.hasTimedOut === true) return fail("Timeout", "no answer came in time");
  const nonceBytes = record?.unusedNonceBytes;
  if (nonceBytes !== undefined) {
    const reason = `this client cannot use the nonce of ${nonceBytes} bytes with which the server opens the channel`;
    return fail("SecurityRefused", reason, "choose another <policy>");
  }
  const errno = errnoOf(error) ?? errnoOf(record?.openingError);
  if (errno !== undefined) return fail("ConnectionFailed", errno);
  if (record?.hasEnded !== true) return fail("ConnectionFailed", inOneLine((error as Error).message));
  return fail("ConnectionFailed", endWords(record), record.isAcknowledged ? remedy(undefined) : undefined);
}

function errnoOf(error: unknown): string | undefined {
  return errnoWords[(error as NodeJS.ErrnoException | undefined)?.code ?? ""];
}

/** node-opcua ends a connection over which something else than OPC UA comes, and does not say so. */
function endWords({ hasOpened, isAcknowledged }: ChannelRecord): string {
  const when = hasOpened ? "" : " before a channel was open";
  return `the server closed the connection${when}${isAcknowledged ? "" : ", or does not speak OPC UA"}`;
}

function codeOf(status: number): FailureKind {
  if (identityStatuses.has(status >>> 0)) return "IdentityRefused";
  if (securityStatuses.has(status >>> 0)) return "SecurityRefused";
  if (endsSession(status)) return "ConnectionFailed";
  return "ServiceFault";
}

function inOneLine(message: string): string {
  return message.replaceAll(/\s+/g, " ").trim().slice(0, 200);
}
