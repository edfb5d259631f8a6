// Is this the server that the operator means? A pure function from a certificate and what is expected of it to the checks that
// it fails (OPC 10000-4, 6.1.3 "Determining if a Certificate is trusted"; key lengths and hashes of OPC 10000-7's policies in
// force). Every connection asks it before a channel is opened, and again while it lasts.
//
// Identity is proven in one of three ways: the configuration names the very certificate (a pin), it lies in the trust list
// itself, or an authority in the trust list stands above it. For the first two an unknown issuer is no doubt about who it
// is, only about whether it was revoked; with a pin neither is another host name or application URI.

import { CertificateError } from "./certificate-file.ts";
import { buildChain } from "./certificate-chain.ts";
import type { Chain } from "./certificate-chain.ts";
import { hostNameMatches } from "./host-name.ts";
import { KeyUsage, ParsedCertificate, ParsedRevocationList, sha2 } from "./parsed-certificate.ts";
import { revocationOf } from "./revocation.ts";

/** A closed list: log and status name the check that failed by these words. */
export type CertificateCheck =
  /** It can be parsed as an X.509 certificate, and nothing critical in it is unknown. */
  | "Readable"
  /** It is the one that the configuration names. */
  | "Pinned"
  /** It, or an authority above it, is in the trust list. */
  | "Trusted"
  /** Its issuers are known up to the root, and may issue. */
  | "Chain"
  | "Signature"
  /** RSA. */
  | "KeyType"
  /** 2048 to 4096 bits. */
  | "KeyLength"
  /** Signed with SHA-2. */
  | "HashAlgorithm"
  /** It may be used by a server that signs and decrypts. */
  | "KeyUsage"
  | "NotYetValid"
  | "Expired"
  /** The host of the endpoint URL is in it. */
  | "HostName"
  /** The application URI of the endpoint description is in it. */
  | "ApplicationUri"
  | "RevocationUnknown"
  | "Revoked";

export interface FailedCheck {
  readonly check: CertificateCheck;
  /** A sentence of its own, about "it", the certificate. */
  readonly reason: string;
}

/** A check that failed and does not count. */
export interface ToleratedCheck extends FailedCheck {
  readonly because: "Pinned" | Capitalize<keyof Relaxations>;
}

export interface CertificateVerdict {
  /** Empty: the certificate may be used. */
  readonly failed: readonly FailedCheck[];
  readonly tolerated: readonly ToleratedCheck[];
}

/** What the operator believes in: DER, one certificate or list each. */
export interface TrustMaterial {
  readonly trusted: readonly Uint8Array[];
  /** Complete chains without being trusted themselves. */
  readonly issuers: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
}

/** What the operator chose to overlook. */
export interface Relaxations {
  readonly ignoreHostName: boolean;
  /** Expired and not yet valid. */
  readonly ignoreExpiry: boolean;
  /** An authority's revocation list that is missing or out of date. What is revoked stays refused. */
  readonly ignoreUnknownRevocation: boolean;
  /** This one and the two below only for a pinned certificate: who it is does not hang on its strength then. */
  readonly ignoreKeyLength?: boolean;
  readonly ignoreHashAlgorithm?: boolean;
  readonly ignoreKeyUsage?: boolean;
}

export const noRelaxations: Required<Relaxations> = {
  ignoreHostName: false,
  ignoreExpiry: false,
  ignoreUnknownRevocation: false,
  ignoreKeyLength: false,
  ignoreHashAlgorithm: false,
  ignoreKeyUsage: false,
};

export interface ServerCertificateExpectations extends TrustMaterial {
  /** The certificate that the configuration names for this server: then no other will do, trusted or not. */
  readonly pinned: Uint8Array | undefined;
  /** Of the endpoint URL: a name or an address. */
  readonly hostName: string;
  /** Of the endpoint description. */
  readonly applicationUri: string;
  readonly nowMs: number;
  readonly relaxations: Relaxations;
}

/** RSA moduli that the policies in force accept (OPC 10000-7: Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss). */
const leastRsaBits = 2048;
const mostRsaBits = 4096;
/** What no relaxation goes below: shorter keys have been broken in public (RSA-768, 2009). */
const leastRelaxedRsaBits = 1024;
const serverAuthentication = new Set(["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"]);

/** `chain`: DER as the server shows it, leaf first; further certificates in it help to build the chain and are not believed. */
export function checkServerCertificate(
  chain: readonly Uint8Array[],
  expectations: ServerCertificateExpectations,
): CertificateVerdict {
  const [leafDer = new Uint8Array()] = chain;
  let leaf: ParsedCertificate;
  try {
    leaf = new ParsedCertificate(leafDer);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { failed: [{ check: "Readable", reason: error.message }], tolerated: [] };
  }
  const { pinned } = expectations;
  if (pinned !== undefined && !leaf.isSameAs(pinned)) {
    const reason = "it is not the server certificate that the configuration names";
    return { failed: [{ check: "Pinned", reason }], tolerated: [] };
  }
  const { trusted, issuers } = expectations;
  const authorities = [...trusted, ...issuers, ...chain.slice(1)];
  // An authority may have been renewed with its key, and the certificate of before still be there.
  const isOver = ({ content }: ParsedCertificate): boolean => content.notAfterMs < expectations.nowMs;
  const built = buildChain(leaf, (certificate) =>
    readable(authorities.filter((der) => certificate.mayBeIssuedBy(der)))
      .filter((one) => certificate.namesIssuer(one))
      .toSorted((one, other) => Number(isOver(one)) - Number(isOver(other))),
  );
  const isTrusted = (certificate: ParsedCertificate): boolean => trusted.some((other) => certificate.isSameAs(other));
  const isNamed = pinned !== undefined || isTrusted(leaf);
  const failed: FailedCheck[] = [
    ...(isNamed || built.certificates.some(isTrusted) ? [] : [untrusted]),
    ...chainFailures(built, isNamed),
    ...built.certificates.flatMap((certificate, depth) =>
      certificateFailures(certificate, depth, expectations.nowMs, built),
    ),
    ...nameFailures(leaf, expectations),
    ...revocationFailures(built, expectations),
  ];
  return sortOut(failed, expectations);
}

const untrusted: FailedCheck = { check: "Trusted", reason: "it is not in the trust list" };

function sortOut(
  all: readonly FailedCheck[],
  { pinned, relaxations }: ServerCertificateExpectations,
): CertificateVerdict {
  const excuse = (check: CertificateCheck): ToleratedCheck["because"] | undefined => {
    if (pinned !== undefined && (check === "HostName" || check === "ApplicationUri")) return "Pinned";
    if (check === "HostName" && relaxations.ignoreHostName) return "IgnoreHostName";
    if ((check === "Expired" || check === "NotYetValid") && relaxations.ignoreExpiry) return "IgnoreExpiry";
    if (check === "RevocationUnknown" && relaxations.ignoreUnknownRevocation) return "IgnoreUnknownRevocation";
    return pinned === undefined ? undefined : excuseOfPinned(check, relaxations);
  };
  const failed: FailedCheck[] = [];
  const tolerated: ToleratedCheck[] = [];
  for (const one of all) {
    const because = excuse(one.check);
    if (because === undefined) failed.push(one);
    else tolerated.push({ ...one, because });
  }
  return { failed, tolerated };
}

function excuseOfPinned(check: CertificateCheck, relaxations: Relaxations): ToleratedCheck["because"] | undefined {
  if (check === "KeyLength" && relaxations.ignoreKeyLength === true) return "IgnoreKeyLength";
  if (check === "HashAlgorithm" && relaxations.ignoreHashAlgorithm === true) return "IgnoreHashAlgorithm";
  return check === "KeyUsage" && relaxations.ignoreKeyUsage === true ? "IgnoreKeyUsage" : undefined;
}

function chainFailures({ certificates, broken }: Chain, isNamed: boolean): FailedCheck[] {
  const failed: FailedCheck[] = certificates.slice(1).flatMap((authority, index): FailedCheck[] => {
    const { subject, isAuthority, keyUsage = KeyUsage.keyCertSign, pathLength = Infinity } = authority.content;
    if (!isAuthority || (keyUsage & KeyUsage.keyCertSign) === 0) {
      return [{ check: "Chain", reason: `its issuer "${subject}" is no certificate authority` }];
    }
    // Those between this one and the leaf count; one for another key of the same authority does not (RFC 5280, 4.2.1.9).
    const between = certificates.slice(1, index + 1).filter(({ isSelfIssued }) => !isSelfIssued);
    return between.length <= pathLength
      ? []
      : [{ check: "Chain", reason: `its chain is longer than "${subject}" allows` }];
  });
  if (broken === undefined) return failed;
  const { kind, reason } = broken;
  if (kind === "SignatureWrong") return [...failed, { check: "Signature", reason }];
  // Who it is was decided without the issuer; revocationFailures says what cannot be known now.
  if (kind === "IssuerMissing" && isNamed) return failed;
  return [...failed, { check: "Chain", reason }];
}

function certificateFailures(
  certificate: ParsedCertificate,
  depth: number,
  nowMs: number,
  { certificates, broken }: Chain,
): FailedCheck[] {
  const { content } = certificate;
  const isRoot = depth === certificates.length - 1 && broken === undefined;
  const its = depth === 0 ? "it" : `its issuer "${content.subject}"`;
  const failed: FailedCheck[] = [];
  const fail = (check: CertificateCheck, reason: string): number => failed.push({ check, reason: `${its} ${reason}` });
  if (content.unknownCriticalExtensions.length > 0) {
    fail(
      "Readable",
      `has critical extensions that are not known here: ${content.unknownCriticalExtensions.join(", ")}`,
    );
  }
  const { rsaBits = 0 } = content;
  if (content.keyType !== "rsa")
    fail("KeyType", `has a key of type ${content.keyType}; OPC UA's RSA policies need RSA`);
  else if (rsaBits < leastRelaxedRsaBits) {
    fail("KeyType", `has an RSA key of ${rsaBits} bits, which can be broken`);
  } else if (rsaBits < leastRsaBits || rsaBits > mostRsaBits) {
    fail("KeyLength", `has an RSA key of ${rsaBits} bits; use ${leastRsaBits} to ${mostRsaBits} bits`);
  }
  // A root is known byte for byte; its signature says nothing that could be forged.
  if ((depth === 0 || !isRoot) && !sha2.has(content.signatureHash ?? "")) {
    fail("HashAlgorithm", `is signed with ${content.signatureHash ?? "an unknown algorithm"}; use SHA-256 or longer`);
  }
  if (nowMs < content.notBeforeMs) fail("NotYetValid", `is valid only from ${isoOf(content.notBeforeMs)} on`);
  if (nowMs > content.notAfterMs) fail("Expired", `was valid until ${isoOf(content.notAfterMs)}`);
  if (depth === 0 && !isForServers(certificate))
    fail("KeyUsage", "may not be used by a server: its key usage forbids it");
  return failed;
}

/** OPC 10000-6, 6.2.2. The client encrypts with the server's key to open a channel, and the server signs. */
function isForServers({ content: { keyUsage, extendedKeyUsage } }: ParsedCertificate): boolean {
  const mayDecrypt = KeyUsage.keyEncipherment | KeyUsage.dataEncipherment;
  return (
    (keyUsage === undefined || ((keyUsage & KeyUsage.digitalSignature) !== 0 && (keyUsage & mayDecrypt) !== 0)) &&
    (extendedKeyUsage === undefined || extendedKeyUsage.some((usage) => serverAuthentication.has(usage)))
  );
}

function nameFailures(leaf: ParsedCertificate, expected: ServerCertificateExpectations): FailedCheck[] {
  const { hostNames, uris } = leaf.content;
  const failed: FailedCheck[] = [];
  if (!hostNames.some((name) => hostNameMatches(name, expected.hostName))) {
    failed.push({ check: "HostName", reason: `it is for ${listOf(hostNames)}, not for ${expected.hostName}` });
  }
  if (expected.applicationUri === "" || !uris.includes(expected.applicationUri)) {
    const reason = `its application URI is ${listOf(uris)}, the server says "${expected.applicationUri}"`;
    failed.push({ check: "ApplicationUri", reason });
  }
  return failed;
}

function revocationFailures({ certificates, broken }: Chain, expected: ServerCertificateExpectations): FailedCheck[] {
  const unusable: string[] = [];
  const lists = expected.revocationLists.flatMap((der) => {
    try {
      return [new ParsedRevocationList(der)];
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      unusable.push(error.message);
      return [];
    }
  });
  const passedOver =
    unusable.length === 0 ? "" : ` (a file of trusted/crl or issuers/crl is passed over: ${unusable[0]})`;
  const failed = certificates.slice(1).flatMap((issuer, index): FailedCheck[] => {
    const certificate = certificates[index] as ParsedCertificate;
    const { state, reason } = revocationOf(certificate, issuer, lists, expected.nowMs);
    if (state === "Good") return [];
    const check = state === "Revoked" ? "Revoked" : "RevocationUnknown";
    const about = index === 0 ? "" : `about its issuer "${certificate.content.subject}": `;
    return [{ check, reason: `${about}${reason}${state === "Unknown" ? passedOver : ""}` }];
  });
  if (broken?.kind !== "IssuerMissing") return failed;
  return [
    ...failed,
    { check: "RevocationUnknown", reason: `${broken.reason}, and so neither is whether it was revoked` },
  ];
}

/**
 * The same before anybody connects, as if the certificate were trusted; `dialled`: what it will be compared with, as far as that
 * is known. What it will fail by is empty when nothing stands in the way.
 */
export function checkAhead(
  chain: readonly Uint8Array[],
  material: TrustMaterial,
  dialled: Partial<Pick<ServerCertificateExpectations, "hostName" | "applicationUri">>,
  nowMs: number,
): readonly FailedCheck[] {
  const [leaf = new Uint8Array()] = chain;
  const { hostNames = [], uris = [] } = readable([leaf])[0]?.content ?? {};
  const { failed } = checkServerCertificate(chain, {
    ...material,
    trusted: [...material.trusted, leaf],
    pinned: undefined,
    hostName: dialled.hostName ?? hostNames[0] ?? "",
    applicationUri: dialled.applicationUri ?? uris[0] ?? "",
    nowMs,
    relaxations: noRelaxations,
  });
  return failed;
}

/** What is no certificate trusts nobody. */
function readable(certificates: readonly Uint8Array[]): ParsedCertificate[] {
  return certificates.flatMap((der) => {
    try {
      return [new ParsedCertificate(der)];
    } catch (error) {
      if (error instanceof CertificateError) return [];
      throw error;
    }
  });
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
