// Certificates as they lie in files and travel in messages: DER or PEM, alone or as a chain.
//
// Promises plain buffers with one DER certificate each, leaf first, and a name (fingerprint) to tell them apart by.
// Does not judge a certificate: that is server-certificate-check.ts.

import { createHash, X509Certificate } from "node:crypto";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";

/** A certificate or key that cannot be read, or a certificate store that cannot be written. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
  readonly code = "CertificateError";
}

/** SHA-256 of the DER bytes, 64 lower-case hexadecimal digits. */
export function fingerprint(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("hex");
}

/** When the certificate's validity ends, in milliseconds since 1970 UTC; undefined when it cannot be parsed. */
export function endOfValidityMs(certificate: Uint8Array): number | undefined {
  try {
    return new X509Certificate(certificate).validToDate.getTime();
  } catch {
    return undefined;
  }
}

/**
 * The certificates of a concatenation of DER certificates, leaf first (OPC 10000-6, 6.2.6: "certificate chains").
 * What does not look like a sequence of DER sequences is a CertificateError.
 */
export function splitChain(der: Uint8Array): Buffer[] {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const certificates: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const end = offset + derLengthBytes(bytes, offset);
    if (end > bytes.length) {
      throw new CertificateError(`certificate is cut off: ${end} bytes announced, ${bytes.length} present`);
    }
    certificates.push(bytes.subarray(offset, end));
    offset = end;
  }
  return certificates;
}

/** Length with header of the SEQUENCE that starts at `offset`. */
export function derLengthBytes(bytes: Buffer, offset: number): number {
  if (bytes[offset] !== 0x30) throw new CertificateError(`no DER certificate at byte ${offset}`);
  return elementBytes(bytes, offset);
}

/** Length with header of the element that starts at `offset` (X.690, 8.1.3: definite form, at most four length octets). */
export function elementBytes(bytes: Buffer, offset: number): number {
  const first = bytes[offset + 1];
  if (first === undefined) throw new CertificateError(`no DER certificate at byte ${offset}`);
  if (first < 0x80) return 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4 || offset + 2 + octets > bytes.length) {
    throw new CertificateError(`no DER certificate at byte ${offset}`);
  }
  return 2 + octets + bytes.readUIntBE(offset + 2, octets);
}

/** A chain; an authority may have revoked a million certificates. */
const largestCertificateBytes = 1024 * 1024;
const largestRevocationListBytes = 64 * 1024 * 1024;

/** The chain in a file, leaf first. Reads DER and PEM. Whether each is a certificate shows when it is parsed. */
export function readCertificateFile(file: string): Buffer[] {
  return readSequences(file, "certificate", "CERTIFICATE", largestCertificateBytes);
}

/** The certificate revocation lists in a file, DER or PEM. */
export function readRevocationListFile(file: string): Buffer[] {
  return readSequences(file, "revocation list", "X509 CRL", largestRevocationListBytes);
}

function readSequences(file: string, what: string, label: string, largestBytes: number): Buffer[] {
  try {
    const content = readBoundedFile(file, { largestBytes });
    const block = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`, "g");
    const pem = [...content.toString("latin1").matchAll(block)];
    const sequences =
      pem.length === 0
        ? splitChain(content)
        : pem.flatMap(([, base64 = ""]) => splitChain(Buffer.from(base64, "base64")));
    if (sequences.length === 0) throw new CertificateError("the file is empty");
    return sequences;
  } catch (cause) {
    throw new CertificateError(`cannot read ${what} ${file}: ${readingTrouble(cause, file)}`, { cause });
  }
}
