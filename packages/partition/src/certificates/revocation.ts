// Has an authority taken a certificate back? (OPC 10000-4, 6.1.3, "Find Revocation List" and "Revocation Check".)

import {
  KeyUsage,
  sha2,
  type ParsedCertificate,
  type ParsedRevocationList,
  type RevocationListContent,
} from "./parsed-certificate.ts";

export type RevocationState = "Good" | "Revoked" | "Unknown";

export interface RevocationFinding {
  readonly state: RevocationState;
  readonly reason: string;
}

/**
 * Judges by the newest list that `issuer` signed with SHA-2 and that says when it ends. A list that is out of date still says who is revoked, but no longer
 * who is not. Neither does one without an end, which would be in force for ever (RFC 5280, 5.1.2.5), one with a weaker signature, one that covers only a
 * part of the certificates, or that the issuer's key usage does not permit (RFC 5280, 6.3.3 (f)).
 */
export function revocationOf(
  certificate: ParsedCertificate,
  issuer: ParsedCertificate,
  lists: readonly ParsedRevocationList[],
  nowMs: number,
): RevocationFinding {
  const named = lists.filter(({ content }) => content.issuerName === issuer.content.subjectName);
  const signed = named
    .filter((list) => list.isSignedBy(issuer))
    .toSorted((a, b) => b.content.thisUpdateMs - a.content.thisUpdateMs);
  const newest = signed.find(({ content }) => content.isComplete);
  const sound = signed.find(({ content }) => content.isComplete && weaknessOf(content) === undefined);
  const by = `"${issuer.content.subject}"`;
  const telling = [newest, sound, ...signed.filter(({ content }) => !content.isComplete)];
  if (telling.some((list) => list?.lists(certificate))) return { state: "Revoked", reason: `${by} revoked it` };
  if (sound === undefined) {
    if (newest !== undefined) return unknown(`the revocation list of ${by} ${weaknessOf(newest.content)}`);
    const isForeign = named.length > 0 && signed.length === 0;
    return unknown(`there is no revocation list of ${by}${isForeign ? " whose signature can be verified" : ""}`);
  }
  if (((issuer.content.keyUsage ?? KeyUsage.cRLSign) & KeyUsage.cRLSign) === 0)
    return unknown(`${by} may not sign a revocation list: its key usage forbids it`);
  const { thisUpdateMs, nextUpdateMs = Infinity } = sound.content;
  if (nextUpdateMs < nowMs) return unknown(`the revocation list of ${by} is out of date since ${isoOf(nextUpdateMs)}`);
  if (thisUpdateMs > nowMs) return unknown(`the revocation list of ${by} is of the future, ${isoOf(thisUpdateMs)}`);
  return { state: "Good", reason: "" };
}

function unknown(reason: string): RevocationFinding {
  return { state: "Unknown", reason };
}

/** Why a list cannot say that a certificate is not revoked; undefined: it can. */
function weaknessOf({ nextUpdateMs, signatureHash }: RevocationListContent): string | undefined {
  if (nextUpdateMs === undefined) return "does not say until when it is in force (nextUpdate)";
  return sha2.has(signatureHash ?? "") ? undefined : `is signed with ${signatureHash}; use SHA-256 or longer`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
