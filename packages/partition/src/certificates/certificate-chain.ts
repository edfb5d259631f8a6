// From a certificate to the authority at its end: who signed it, who signed that, and so on (OPC 10000-4, 6.1.3, "Build
// Certificate Chain" and "Signature"). An authority is believed only because its key verifies the signature below it.

import type { ParsedCertificate } from "./parsed-certificate.ts";

/** Certificates in a chain, the leaf and the root among them. Real ones have two to four. */
export const maxChainLength = 8;

export interface Chain {
  /** Leaf first, then each certificate's issuer. Every signature in it is verified, the root's own, too. */
  readonly certificates: readonly ParsedCertificate[];
  /** Why it does not reach a root; undefined: it does. */
  readonly broken: BrokenChain | undefined;
}

export interface BrokenChain {
  readonly kind: "IssuerMissing" | "SignatureWrong" | "Circle" | "TooLong";
  readonly reason: string;
}

/** Every certificate, trusted or not, that bears the name of this one's issuer. */
export type Namesakes = (certificate: ParsedCertificate) => readonly ParsedCertificate[];

export function buildChain(leaf: ParsedCertificate, namesakesOf: Namesakes): Chain {
  const certificates = [leaf];
  for (let last = leaf; ;) {
    if (last.isSelfIssued && last.isSignedBy(last)) return { certificates, broken: undefined };
    const step = issuerOf(last, certificates, namesakesOf);
    if ("kind" in step) return { certificates, broken: step };
    if (certificates.length === maxChainLength) {
      return {
        certificates,
        broken: { kind: "TooLong", reason: `its chain has more than ${maxChainLength} certificates` },
      };
    }
    certificates.push(step);
    last = step;
  }
}

function issuerOf(
  certificate: ParsedCertificate,
  chain: readonly ParsedCertificate[],
  namesakesOf: Namesakes,
): ParsedCertificate | BrokenChain {
  const { subject, issuer } = certificate.content;
  const whose = certificate === chain[0] ? "its" : `that of "${subject}"`;
  // A certificate that names itself as its issuer and is not signed by itself can have been re-issued under a new key of the authority.
  const namesakes = namesakesOf(certificate);
  if (namesakes.length === 0) {
    return certificate.isSelfIssued
      ? { kind: "SignatureWrong", reason: `${whose} signature is wrong` }
      : { kind: "IssuerMissing", reason: `${whose} issuer "${issuer}" is not known` };
  }
  const signers = namesakes.filter((authority) => certificate.isSignedBy(authority));
  if (signers.length === 0) return { kind: "SignatureWrong", reason: `${whose} signature is wrong` };
  const fresh = signers.filter((signer) => !chain.some((earlier) => earlier.isSameAs(signer.der)));
  // The shortest way up; the longer one is for those who know only an older root.
  return (
    fresh.find((signer) => signer.isSelfIssued) ?? fresh[0] ?? { kind: "Circle", reason: "its chain goes in a circle" }
  );
}
