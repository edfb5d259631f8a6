// The certificates that a stranger shows, one after the other (OPC 10000-6, 6.2.6), before anybody trusts it.
//
// Promises: what cannot be a chain of certificates is refused by its sizes, without parsing anything; what is handed out takes some
// milliseconds to parse, whatever is in it. The parser for X.509 makes objects of every element, some ten microseconds for each.

import { maxChainLength } from "./certificate-chain.ts";
import { CertificateError, derLengthBytes } from "./certificate-file.ts";

/** Real ones have 1 to 3 KiB. */
export const mostCertificateBytes = 16 * 1024;
/** Of all certificates of the chain together; a real one has some 120. */
const mostElements = 1500;

/** Leaf first. Throws a CertificateError. */
export function splitShownChain(der: Uint8Array): Buffer[] {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const certificates: Buffer[] = [];
  let elements = 0;
  for (let offset = 0; offset < bytes.length;) {
    if (certificates.length === maxChainLength) {
      throw new CertificateError(`there are more than ${maxChainLength} certificates, in ${bytes.length} bytes`);
    }
    const length = derLengthBytes(bytes, offset);
    if (length > mostCertificateBytes) {
      throw new CertificateError(`a certificate has ${length} bytes where ${mostCertificateBytes} are the most`);
    }
    if (offset + length > bytes.length) {
      throw new CertificateError(`certificate is cut off: ${offset + length} bytes announced, ${bytes.length} present`);
    }
    const certificate = bytes.subarray(offset, offset + length);
    elements += countElements(certificate);
    if (elements > mostElements) throw new CertificateError(`the certificates have more than ${mostElements} elements`);
    certificates.push(certificate);
    offset += length;
  }
  return certificates;
}

const constructed = 0x20;
const octetString = 0x04;

/** Elements within elements, and within the octet strings in which extensions lie (X.690, 8.1); malformed ones end the count. */
function countElements(der: Buffer): number {
  let count = 0;
  for (let offset = 0; offset + 2 <= der.length; count++) {
    const tag = der.readUInt8(offset);
    const first = der.readUInt8(offset + 1);
    const octets = first < 0x80 ? 0 : first & 0x7f;
    const content = offset + 2 + octets;
    if (octets > 4 || content > der.length) break;
    const length = octets === 0 ? first & 0x7f : der.readUIntBE(offset + 2, octets);
    offset = (tag & constructed) !== 0 || tag === octetString ? content : content + length;
  }
  return count;
}
