// MODBUS/TCP Security: what a TLS connection is opened with, and what its failures mean to the operator.
//
// Promises: chain, dates, purpose and name of the device's certificate are verified (RFC 5280, RFC 6125) against the configured
// authorities and no others; our own certificate is always offered; TLS 1.2 is the oldest version. All files are read again for
// every connection and no session is resumed, so trust that was given or withdrawn counts at the next connect.
// Does not: look at revocation lists, or know what the role in our certificate allows: the device decides that.

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext, DEFAULT_CIPHERS, type ConnectionOptions } from "node:tls";

import { CertificateError, readCertificateFile } from "../../../certificates/certificate-file.ts";
import { readPrivateKeyFile } from "../../../certificates/private-key-file.ts";
import type { ModbusTls } from "../configuration/modbus-server.ts";

/**
 * Without finite-field Diffie-Hellman of TLS 1.2: the server chooses its numbers, they are used before anybody is trusted, and with the largest that
 * OpenSSL takes (10,000 bits) that holds the thread up for more than two seconds.
 */
const CIPHERS = `${DEFAULT_CIPHERS}:!kDHE`;

/** Throws a CertificateError whose message says which file cannot be used, and why. */
export function tlsOptions(tls: ModbusTls): ConnectionOptions {
  const { caFile, clientCertificateFile, clientPrivateKeyFile, serverName, minimumVersion } = tls;
  const ca = pemOf(caFile);
  const cert = pemOf(clientCertificateFile);
  const key = readPrivateKeyFile(clientPrivateKeyFile);
  return {
    secureContext: createContext(clientCertificateFile, clientPrivateKeyFile, {
      ca,
      cert: cert.join("\n"),
      key,
      minVersion: `TLSv${minimumVersion}`,
      maxVersion: "TLSv1.3",
      ciphers: CIPHERS,
    }),
    // Said outright: the environment could switch it off otherwise.
    rejectUnauthorized: true,
    // RFC 6066, 3: an address is no server name.
    servername: isIP(serverName) === 0 ? serverName : "",
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
  };
}

function pemOf(file: string): string[] {
  return readCertificateFile(file).map((der) => new X509Certificate(der).toString());
}

function createContext(certificateFile: string, keyFile: string, options: Parameters<typeof createSecureContext>[0]) {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CertificateError(`cannot use certificate ${certificateFile} with private key ${keyFile}: ${message}`, {
      cause,
    });
  }
}

/** Wall clock. */
export function endOfCertificateMs(certificate: X509Certificate | undefined): number | undefined {
  return certificate?.validToDate.getTime();
}

const wordsByCheck: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "the device's certificate, or one of its issuers', has expired"],
  ["CERT_NOT_YET_VALID", "the device's certificate, or one of its issuers', is not valid yet"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "the device's certificate is self-signed and not the one that <ca> names"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "the device's certificate was issued by an authority that <ca> does not name"],
  ["UNABLE_TO_GET_ISSUER_CERT", "the chain of the device's certificate leads to no authority that <ca> names"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "the device's certificate was issued by an authority that <ca> does not name"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "the device's certificate was issued by an authority that <ca> does not name"],
  ["CERT_SIGNATURE_FAILURE", "a signature in the chain of the device's certificate is wrong"],
  ["INVALID_CA", "an issuer of the device's certificate is no authority"],
  ["INVALID_PURPOSE", "the device's certificate is not meant for a server"],
  ["PATH_LENGTH_EXCEEDED", "the chain of the device's certificate is longer than its authority allows"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it answers, but not with TLS; there is no fallback to plain Modbus TCP"],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "it answers, but not with TLS; there is no fallback to plain Modbus TCP"],
  ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "it has no cipher suite in common with this partition; use ECDHE or RSA"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "it speaks no TLS version that is new enough"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "it speaks no TLS version that is new enough"],
]);

/** RFC 8446, 6.2: the alerts by which a device says what it thinks of our certificate. */
const refusesOurs =
  /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)/;

const longestQuote = 200;

/** How far a connection has come. Plain ones leave "handshake" out. */
export type DialPhase = "reaching" | "handshake" | "open" | "answering";

/** In TLS 1.3 a client has finished before the server looks at its certificate (RFC 8446, 2): a refusal comes after the opening. */
export const closedBeforeAnswer = "it closed the connection before its first answer: it may refuse our certificate";

/** Completes "cannot read from HOST:PORT because ..." with the check that failed; undefined when TLS has nothing to do with it. */
export function securityFailure(
  error: NodeJS.ErrnoException,
  serverName: string,
  phase: DialPhase,
): string | undefined {
  if (phase === "reaching") return undefined;
  const { code = "" } = error;
  const words = wordsByCheck.get(code);
  if (words !== undefined) return `${words} (${code})`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const { cert } = error as { readonly cert?: { readonly subjectaltname?: string } };
    const names = cert?.subjectaltname?.slice(0, longestQuote) ?? "no name";
    return `the device's certificate is not for ${serverName} but for ${names}; see <server_name>`;
  }
  if (refusesOurs.test(code)) return `the device refuses our certificate (${code})`;
  if (code === "ECONNRESET" && phase === "handshake") {
    return "it ended the TLS handshake: it may not speak TLS (there is no fallback to plain Modbus TCP), or refuse our certificate";
  }
  if ((code === "ECONNRESET" || code === "EPIPE") && phase === "open") return closedBeforeAnswer;
  const isTls = code.startsWith("ERR_SSL_") || phase === "handshake";
  return isTls ? `the TLS connection failed: ${error.message}` : undefined;
}
