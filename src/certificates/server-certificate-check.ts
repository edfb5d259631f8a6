// Is this the server that the operator means? A pure function from a certificate and what is expected of it to the checks that
// it fails (OPC 10000-4, 6.1.3 "Determining if a Certificate is trusted"). Every connection asks it before a channel is opened.

import { X509Certificate } from "node:crypto";

export type CertificateCheck =
  /** It can be parsed as an X.509 certificate. */
  | "Readable"
  /** It is the one that the configuration names. */
  | "Pinned"
  /** It is in the trust list. */
  | "Trusted";

export interface FailedCheck {
  readonly check: CertificateCheck;
  /** "it is not ...": the end of a sentence that starts with the certificate. */
  readonly reason: string;
}

export interface ServerCertificateExpectations {
  /** The certificate that the configuration names for this server: then no other will do, trusted or not. */
  readonly pinned: Uint8Array | undefined;
  /** Certificates that are trusted exactly as they are. */
  readonly trusted: readonly Uint8Array[];
}

/** Empty: the certificate (DER, leaf) may be used. */
export function failedServerCertificateChecks(
  certificate: Uint8Array,
  expectations: ServerCertificateExpectations,
): FailedCheck[] {
  try {
    void new X509Certificate(certificate);
  } catch {
    return [{ check: "Readable", reason: "it is not an X.509 certificate" }];
  }
  const { pinned, trusted } = expectations;
  if (pinned !== undefined) {
    return sameBytes(certificate, pinned)
      ? []
      : [{ check: "Pinned", reason: "it is not the server certificate that the configuration names" }];
  }
  return trusted.some((candidate) => sameBytes(certificate, candidate))
    ? []
    : [{ check: "Trusted", reason: "it is not in the trust list" }];
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
