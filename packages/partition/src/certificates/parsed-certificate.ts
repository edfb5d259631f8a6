// What a certificate and a revocation list say, read once into plain fields. Beside application-certificate.ts the only file that
// knows the X.509 library.
//
// Promises: everything is read when it is parsed, so what is malformed in any place is a CertificateError there and then and not
// later; signatures are verified with the issuer's key, names compared byte for byte.
// Does not judge: whether a key is long enough or a date over is for server-certificate-check.ts to say.

import "reflect-metadata"; // the X.509 library's dependency injection does not load without it

import { constants, verify, X509Certificate, type KeyObject } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate as Asn1Certificate,
  X509Crl,
} from "@peculiar/x509";
import { CertificateError, elementBytes } from "./certificate-file.ts";

export interface CertificateContent {
  /** For people, on one line: "CN=..., O=...". It may hold anything: whoever prints it takes care of control characters. */
  readonly subject: string;
  readonly issuer: string;
  /** The DER bytes of the names as hexadecimal digits, to compare. */
  readonly subjectName: string;
  readonly issuerName: string;
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** "rsa", "ec", ... as node:crypto calls it. */
  readonly keyType: string;
  /** Length of an RSA modulus; undefined for other keys. */
  readonly rsaBits: number | undefined;
  /** "SHA-256", ...; undefined for an algorithm that is not known. */
  readonly signatureHash: string | undefined;
  /** From the subject alternative name. */
  readonly uris: readonly string[];
  readonly hostNames: readonly string[];
  /** RFC 5280, 4.2.1.3: bit field as in `KeyUsage`; undefined when the extension is absent, which allows every use. */
  readonly keyUsage: number | undefined;
  /** Object identifiers; undefined when the extension is absent, which allows every use. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly isAuthority: boolean;
  /** How many authorities may follow below this one; undefined: as many as like. */
  readonly pathLength: number | undefined;
  /** RFC 5280, 4.2: what is critical and not understood makes a certificate unusable. */
  readonly unknownCriticalExtensions: readonly string[];
}

/** RFC 5280, 4.2.1.3, the bits that matter here. */
export const KeyUsage = {
  digitalSignature: 1,
  keyEncipherment: 4,
  dataEncipherment: 8,
  keyCertSign: 32,
  cRLSign: 64,
} as const;

/** What a signature that is believed is made with (OPC 10000-7: the policies in force). */
export const sha2: ReadonlySet<string> = new Set(["SHA-256", "SHA-384", "SHA-512"]);

/** Key usage, alternative names, basic constraints, extended key usage, policies, key identifiers, distribution points: understood or harmless. */
const understood = new Set(
  ["15", "17", "19", "37", "32", "14", "35", "31"].map((last) => `2.5.29.${last}`).concat("1.3.6.1.5.5.7.1.1"),
);

export class ParsedCertificate {
  readonly der: Buffer;
  readonly content: CertificateContent;
  readonly #certificate: X509Certificate;
  /** DER. */
  readonly #issuerName: Buffer;

  /** Throws a CertificateError. */
  constructor(der: Uint8Array) {
    this.der = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
    try {
      this.#certificate = new X509Certificate(this.der);
      this.content = contentOf(new Asn1Certificate(this.der), this.#certificate.publicKey);
      this.#issuerName = issuerNameOf(this.der);
    } catch (cause) {
      throw new CertificateError(`it is not an X.509 certificate: ${(cause as Error).message}`, { cause });
    }
  }

  get publicKey(): KeyObject {
    return this.#certificate.publicKey;
  }

  get isSelfIssued(): boolean {
    return this.content.subjectName === this.content.issuerName;
  }

  /** False: `authority`, DER, does not bear the name of this certificate's issuer. It is not parsed, which takes a millisecond: trust lists have thousands. */
  mayBeIssuedBy(authority: Uint8Array): boolean {
    return Buffer.from(authority.buffer, authority.byteOffset, authority.byteLength).includes(this.#issuerName);
  }

  isSameAs(other: Uint8Array): boolean {
    return Buffer.compare(this.der, other) === 0;
  }

  /** True when `issuer` bears the name of this certificate's issuer; whether it really signed is another question. */
  namesIssuer(issuer: ParsedCertificate): boolean {
    return this.content.issuerName === issuer.content.subjectName;
  }

  isSignedBy(issuer: ParsedCertificate): boolean {
    try {
      return this.#certificate.verify(issuer.publicKey);
    } catch {
      return false; // a key of another kind than the signature
    }
  }
}

function contentOf(certificate: Asn1Certificate, publicKey: KeyObject): CertificateContent {
  const extensions = certificate.extensions;
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const constraints = certificate.getExtension(BasicConstraintsExtension);
  const { hash } = certificate.signatureAlgorithm as { readonly hash?: { readonly name?: string } };
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    subjectName: hex(certificate.subjectName.toArrayBuffer()),
    issuerName: hex(certificate.issuerName.toArrayBuffer()),
    serialNumber: plainSerial(certificate.serialNumber),
    notBeforeMs: instantMs(certificate.notBefore),
    notAfterMs: instantMs(certificate.notAfter),
    keyType: publicKey.asymmetricKeyType ?? "unknown",
    rsaBits: publicKey.asymmetricKeyDetails?.modulusLength,
    signatureHash: hash?.name,
    uris: names.filter(({ type }) => type === "url").map(({ value }) => value),
    hostNames: names.filter(({ type }) => type === "dns" || type === "ip").map(({ value }) => value),
    keyUsage: certificate.getExtension(KeyUsagesExtension)?.usages,
    extendedKeyUsage: certificate.getExtension(ExtendedKeyUsageExtension)?.usages.map(String),
    isAuthority: constraints?.ca ?? false,
    pathLength: constraints?.pathLength,
    unknownCriticalExtensions: extensions
      .filter(({ critical, type }) => critical && !understood.has(type))
      .map(({ type }) => type),
  };
}

export interface RevocationListContent {
  readonly issuerName: string;
  readonly thisUpdateMs: number;
  /** undefined: the list says nothing about its end, which every list has to (RFC 5280, 5.1.2.5). */
  readonly nextUpdateMs: number | undefined;
  /** "SHA-256", ...; undefined for an algorithm that is not known. */
  readonly signatureHash: string | undefined;
  /**
   * False for a list of changes or of a part only, and for one with anything critical that is not known here, in the list or in an entry
   * (RFC 5280, 5.2 and 5.3): it cannot say that a certificate is not revoked.
   */
  readonly isComplete: boolean;
}

/**
 * A certificate revocation list (RFC 5280, 5.1): SEQUENCE { tbsCertList, signatureAlgorithm, signature }. The library sees it without its entries: it
 * makes objects of each, takes no more than some thousands, and loses them where there is no nextUpdate.
 */
export class ParsedRevocationList {
  readonly content: RevocationListContent;
  readonly #list: X509Crl;
  readonly #signedPart: Buffer;
  /** Empty when nothing is revoked. */
  readonly #entries: Buffer;

  /** Throws a CertificateError. */
  constructor(der: Uint8Array) {
    try {
      const [signedPart = Buffer.alloc(0), ...signature] = elementsOf(
        Buffer.from(der.buffer, der.byteOffset, der.byteLength),
      );
      const fields = [...elementsOf(signedPart)];
      const behindTimes = fields.findLastIndex(([tag]) => timeTags.has(tag)) + 1;
      const hasEntries = fields[behindTimes]?.[0] === sequenceTag;
      const [entries = Buffer.alloc(0)] = hasEntries ? fields.splice(behindTimes, 1) : [];
      this.#signedPart = signedPart;
      this.#entries = entries;
      this.#list = new X509Crl(sequence([sequence(fields), ...signature]));
      let isWhole = !this.#list.extensions.some(({ critical, type }) => critical || partial.has(type));
      for (const { extensions } of entriesOf(entries)) isWhole &&= !hasCritical(extensions);
      this.content = {
        issuerName: hex(this.#list.issuerName.toArrayBuffer()),
        thisUpdateMs: instantMs(this.#list.thisUpdate),
        nextUpdateMs: this.#list.nextUpdate === undefined ? undefined : instantMs(this.#list.nextUpdate),
        signatureHash: (this.#list.signatureAlgorithm as { readonly hash?: { readonly name: string } }).hash?.name,
        isComplete: isWhole,
      };
    } catch (cause) {
      throw new CertificateError(`it is not a certificate revocation list: ${(cause as Error).message}`, { cause });
    }
  }

  isSignedBy(issuer: ParsedCertificate): boolean {
    const { name, hash } = this.#list.signatureAlgorithm as { readonly name: string; readonly hash?: { name: string } };
    if (hash === undefined) return false;
    const key = issuer.publicKey;
    const padding = name === "RSA-PSS" ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
    try {
      return verify(hash.name, this.#signedPart, { key, ...padding }, Buffer.from(this.#list.signature));
    } catch {
      return false;
    }
  }

  lists({ content: { serialNumber } }: ParsedCertificate): boolean {
    for (const { serial } of entriesOf(this.#entries))
      if (plainSerial(serial.toString("hex")) === serialNumber) return true;
    return false;
  }
}

const booleanTag = 0x01;
const integerTag = 0x02;
const sequenceTag = 0x30;
/** [0] of a TBSCertificate: there is none in version 1. */
const versionTag = 0xa0;
/** UTCTime, GeneralizedTime. */
const timeTags: ReadonlySet<number | undefined> = new Set([0x17, 0x18]);

/** TBSCertificate ::= SEQUENCE { version?, serialNumber, signature, issuer, ... }, the first element of the certificate (RFC 5280, 4.1). */
function issuerNameOf(certificate: Buffer): Buffer {
  const [signedPart = Buffer.alloc(0)] = elementsOf(certificate);
  const fields = [...elementsOf(signedPart)];
  return fields[fields[0]?.[0] === versionTag ? 3 : 2] ?? Buffer.alloc(0);
}

/** Delta CRL indicator, issuing distribution point: critical by the standard (RFC 5280, 5.2.4 and 5.2.5), and no less where an authority forgets to say so. */
const partial: ReadonlySet<string> = new Set(["2.5.29.27", "2.5.29.28"]);

interface Entry {
  readonly serial: Buffer;
  /** Empty when there are none. */
  readonly extensions: Buffer;
}

/** revokedCertificates ::= SEQUENCE OF SEQUENCE { userCertificate, revocationDate, crlEntryExtensions? } */
function* entriesOf(entries: Buffer): Iterable<Entry> {
  for (const entry of elementsOf(entries)) {
    const [serial, , extensions = Buffer.alloc(0)] = elementsOf(entry);
    if (serial?.[0] !== integerTag) throw new CertificateError("an entry of it has no serial number");
    yield { serial: serial.subarray(headerBytes(serial)), extensions };
  }
}

/** Extensions ::= SEQUENCE OF SEQUENCE { extnID, critical?, extnValue } */
function hasCritical(extensions: Buffer): boolean {
  for (const extension of elementsOf(extensions)) {
    const [, critical] = elementsOf(extension);
    if (critical?.[0] === booleanTag && critical.at(-1) !== 0) return true;
  }
  return false;
}

/** Of a constructed one, in their order; with tags and lengths. */
function* elementsOf(element: Buffer): Iterable<Buffer> {
  for (let at = headerBytes(element); at < element.length;) {
    const end = at + elementBytes(element, at);
    if (end > element.length) throw new CertificateError("it is cut off");
    yield element.subarray(at, end);
    at = end;
  }
}

/** Tag and length. */
function headerBytes(element: Buffer): number {
  const first = element[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function sequence(elements: readonly Buffer[]): Buffer {
  const content = Buffer.concat(elements);
  const head = Buffer.from([sequenceTag, 0x84, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 2);
  return Buffer.concat([head, content]);
}

function hex(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString("hex");
}

/** Leading zeros are a matter of encoding. */
function plainSerial(digits: string): string {
  return digits.toLowerCase().replace(/^0+/, "");
}

function instantMs(date: Date): number {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw new CertificateError("a date in it is none");
  return ms;
}
