// The role that a client certificate gives its owner on Modbus devices (MODBUS/TCP Security Protocol Specification, "Role OID"):
// an X.509v3 extension with one UTF8String in it. Pure.
//
//   SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.4.1.50316.802.1, [BOOLEAN critical], OCTET STRING { UTF8String role } }

import { X509Certificate } from "node:crypto";

const roleIdentifier = Buffer.from("060b2b0601040183890c862201", "hex");
const criticalLengthBytes = 3;
const tag = { boolean: 0x01, octetString: 0x04, utf8String: 0x0c } as const;

/** `certificate` is PEM (the first one counts) or DER. Undefined: it has no role, or is no certificate. */
export function certificateRole(certificate: Buffer): string | undefined {
  let der: Buffer;
  try {
    der = new X509Certificate(certificate).raw;
  } catch {
    return undefined;
  }
  // Searched rather than parsed: 13 bytes that identify, in a certificate of our own, where the result is but a warning.
  const start = der.indexOf(roleIdentifier);
  if (start < 0) return undefined;
  const after = start + roleIdentifier.length;
  const octets = content(der, der[after] === tag.boolean ? after + criticalLengthBytes : after, tag.octetString);
  return octets && content(octets, 0, tag.utf8String)?.toString("utf8");
}

/** The content of the short element at `offset` (X.690, 8.1.3.4: fewer than 128 bytes); undefined when another one stands there. */
function content(der: Buffer, offset: number, wanted: number): Buffer | undefined {
  const lengthBytes = der[offset + 1] ?? 0xff;
  const end = offset + 2 + lengthBytes;
  return der[offset] === wanted && lengthBytes < 0x80 && end <= der.length ? der.subarray(offset + 2, end) : undefined;
}
