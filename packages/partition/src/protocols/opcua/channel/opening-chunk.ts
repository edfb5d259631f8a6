// A chunk of OpenSecureChannel (OPC 10000-6, 6.7.2): the one that costs a calculation with our private key for each block of it, whoever sends it.
//
//   message header, channel id | SecurityPolicyUri | SenderCertificate | ReceiverCertificateThumbprint | what is encrypted
//          12 bytes            |      String       |    ByteString     |          ByteString           |
//
// Judged before anything is decrypted. Pure.

const headerBytes = 12;
const finalOffset = 3;
/** The answer has some 200 bytes, is signed by a key of 4096 bits at most, and fills blocks of that size. */
const mostEncryptedBytes = 2048;

/** Why it cannot be an answer of the server with this certificate (undefined: without security); completes "because". Undefined: it may be one. */
export function flawOfOpening(chunk: Buffer, certificate: Buffer | undefined): string | undefined {
  if (chunk[finalOffset] !== "F".charCodeAt(0)) return "it opens the channel with more than one chunk";
  const [policyEnd] = fieldAt(chunk, headerBytes);
  const [senderEnd, sender] = fieldAt(chunk, policyEnd);
  const [encryptedOffset] = fieldAt(chunk, senderEnd);
  if (encryptedOffset > chunk.length) return "it opens the channel with a chunk that is cut off";
  if (certificate === undefined) return undefined;
  if (!sender.subarray(0, certificate.length).equals(certificate)) {
    return "it opens the channel with another certificate than the one that was checked";
  }
  const encryptedBytes = chunk.length - encryptedOffset;
  return encryptedBytes <= mostEncryptedBytes
    ? undefined
    : `it opens the channel with ${encryptedBytes} encrypted bytes`;
}

/** Where the field ends, past the chunk where it is cut off, and what is in it. */
function fieldAt(chunk: Buffer, offset: number): readonly [end: number, content: Buffer] {
  if (offset + 4 > chunk.length) return [Infinity, Buffer.alloc(0)];
  const length = Math.max(0, chunk.readInt32LE(offset));
  const end = offset + 4 + length;
  return [end, chunk.subarray(offset + 4, end)];
}
