// What a person can do when a server refuses us: a part of the message, by the server's code. Pure.

import { invocation } from "@cpc-partition/process/invocation";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";

export interface RefusedClient {
  readonly server: Pick<OpcUaServer, "policy" | "mode" | "identity">;
  /** What we show to the server; undefined where there is no security. */
  readonly ownCertificate: { readonly file: string; readonly fingerprint: string } | undefined;
}

/** `code`: a status by its name; undefined: the server ended the connection and gave no reason. */
export function remedyFor(code: string | undefined, { server, ownCertificate }: RefusedClient): string | undefined {
  if (code === undefined) return ownCertificate && `perhaps ${trustUs(ownCertificate)}`;
  if (code in aboutEndpoint) return aboutEndpoint[code];
  if (code in aboutIdentity) {
    return server.identity.kind === "Anonymous"
      ? "the server does not accept anonymous clients; give it <username> and <password>, or <user_certificate>"
      : server.identity.kind === "UserName"
        ? "check <username> and <password>, and what that user may do at the server"
        : "the server has to trust the <user_certificate>";
  }
  if (ownCertificate === undefined) return undefined;
  const about = aboutCertificate[code];
  return about === undefined ? undefined : about(ownCertificate);
}

/** The same for the list of endpoints, which is asked for without security. */
export function discoveryRemedyFor(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  return refusesDiscovery.has(code)
    ? "the server does not even list its endpoints without security; name its certificate with <server_certificate>"
    : aboutEndpoint[code];
}

const refusesDiscovery: ReadonlySet<string> = new Set([
  "BadSecurityPolicyRejected",
  "BadSecurityModeRejected",
  "BadSecurityModeInsufficient",
  "BadSecurityChecksFailed",
]);

type OwnCertificate = NonNullable<RefusedClient["ownCertificate"]>;

/** First the fingerprint: the short text of the status has no room for every path. */
function trustUs({ file, fingerprint }: OwnCertificate): string {
  return `the server has to trust our certificate, SHA-256 ${fingerprint}: give it the file ${file}`;
}

const create = `"${invocation} cert create`;

const otherPolicy = "choose a <policy> and a <mode> that are enabled at the server";

const aboutEndpoint: Readonly<Record<string, string>> = {
  BadSecurityPolicyRejected: otherPolicy,
  BadSecurityModeRejected: otherPolicy,
  BadSecurityModeInsufficient: otherPolicy,
  BadTcpEndpointUrlInvalid:
    "the server does not know this URL; put the endpoint URL that the server itself shows (host name, port and path) into <server_app_uri>",
  BadTooManySessions: "all sessions of the server are taken; close those of other clients, or raise its limit",
};

const aboutIdentity: Readonly<Record<string, true>> = {
  BadUserAccessDenied: true,
  BadIdentityTokenInvalid: true,
  BadIdentityTokenRejected: true,
  BadUserSignatureInvalid: true,
};

const aboutCertificate: Readonly<Record<string, (own: OwnCertificate) => string>> = {
  BadSecurityChecksFailed: trustUs,
  BadCertificateUntrusted: trustUs,
  BadCertificateInvalid: trustUs,
  BadCertificateChainIncomplete: trustUs,
  BadCertificateRevocationUnknown: trustUs,
  BadCertificateIssuerRevocationUnknown: trustUs,
  BadCertificateUseNotAllowed: ({ file }) =>
    `the server does not accept what our certificate ${file} may be used for; ${create}" makes one with every usage that OPC UA asks for`,
  BadCertificatePolicyCheckFailed: ({ file }) =>
    `key or signature of our certificate ${file} are not allowed by the <policy>; ${create}" makes one that is`,
  BadCertificateTimeInvalid: ({ file }) =>
    `at the server our certificate ${file} has expired, or is not valid yet; compare the clocks, renew the certificate`,
  BadCertificateHostNameInvalid: ({ file }) =>
    `the server expects this machine's host name in our certificate ${file}; ${create} --host" puts it there`,
  BadCertificateUriInvalid: ({ file }) => `<client_app_uri> must be the URI in our certificate ${file}`,
  BadCertificateRevoked: ({ file }) => `our certificate ${file} was revoked; give us a new one`,
};
