// Has an authority taken a certificate back? (OPC 10000-4, 6.1.3, "Find Revocation List" and "Revocation Check".)

import type { ParsedCertificate, ParsedRevocationList } from "./parsed-certificate.ts";

export type RevocationState = "Good" | "Revoked" | "Unknown";

export interface RevocationFinding {
  readonly state: RevocationState;
  readonly reason: string;
}

/**
 * Judges by the newest list that `issuer` signed. A list that is out of date still says who is revoked, but no longer who is not. Neither
 * does one that covers only a part of the certificates.
 */
export function revocationOf(
  certificate: ParsedCertificate,
  issuer: ParsedCertificate,
  lists: readonly ParsedRevocationList[],
  nowMs: number,
): RevocationFinding {
  const signed = lists.filter(
    (list) => list.content.issuerName === issuer.content.subjectName && list.isSignedBy(issuer),
  );
  const complete = signed
    .filter(({ content }) => content.isComplete)
    .toSorted((a, b) => b.content.thisUpdateMs - a.content.thisUpdateMs)[0];
  const partial = signed.filter(({ content }) => !content.isComplete);
  const by = `"${issuer.content.subject}"`;
  if ([...partial, ...(complete === undefined ? [] : [complete])].some((list) => list.lists(certificate))) {
    return { state: "Revoked", reason: `${by} revoked it` };
  }
  if (complete === undefined) return { state: "Unknown", reason: `there is no revocation list of ${by}` };
  const { thisUpdateMs, nextUpdateMs } = complete.content;
  if (nextUpdateMs !== undefined && nextUpdateMs < nowMs) {
    return { state: "Unknown", reason: `the revocation list of ${by} is out of date since ${isoOf(nextUpdateMs)}` };
  }
  if (thisUpdateMs > nowMs) {
    return { state: "Unknown", reason: `the revocation list of ${by} is of the future, ${isoOf(thisUpdateMs)}` };
  }
  return { state: "Good", reason: "" };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
