// Certificates for both ends of a TLS connection, good and bad, in a folder of their own. Elliptic keys, because they are made
// in no time.

import "reflect-metadata"; // the X.509 library does not load without it

import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const rsaKeys = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
};
export const dayMs = 86_400_000;

export interface Wishes {
  /** Host names and addresses that the certificate is for; none for a client. */
  readonly names?: readonly string[];
  readonly validFromDays?: number;
  readonly validToDays?: number;
  /** Undefined: self-signed. */
  readonly issuer?: Holder | undefined;
  readonly isAuthority?: boolean;
  readonly usage?: ExtendedKeyUsage;
  /** Only with an issuer, which has elliptic keys. */
  readonly hasRsaKeys?: boolean;
}

export interface Holder {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly certificateFile: string;
  /** Mode 0600. */
  readonly keyFile: string;
}

export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), `cpc-modbus-tls-${process.pid}-`));

  async make(name: string, wishes: Wishes): Promise<Holder> {
    const keys = await webcrypto.subtle.generateKey(wishes.hasRsaKeys === true ? rsaKeys : algorithm, true, [
      "sign",
      "verify",
    ]);
    const nowMs = Date.now();
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: wishes.issuer?.certificate.subject ?? `CN=${name}`,
      signingKey: (wishes.issuer?.keys ?? keys).privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      notBefore: new Date(nowMs + (wishes.validFromDays ?? -1) * dayMs),
      notAfter: new Date(nowMs + (wishes.validToDays ?? 10) * dayMs),
      extensions: [
        new BasicConstraintsExtension(wishes.isAuthority === true, undefined, true),
        ...(wishes.usage === undefined ? [] : [new ExtendedKeyUsageExtension([wishes.usage])]),
        ...(wishes.names === undefined ? [] : [new SubjectAlternativeNameExtension(wishes.names.map(generalName))]),
      ],
    });
    const keyPem = pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
    const certificatePem = pem("CERTIFICATE", certificate.rawData);
    const certificateFile = this.write(`${name}.pem`, certificatePem);
    return { certificate, keys, certificatePem, keyPem, certificateFile, keyFile: this.write(`${name}.key`, keyPem) };
  }

  /** Mode 0600. */
  write(name: string, content: string): string {
    const file = join(this.path, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

function generalName(value: string): { type: "ip" | "dns"; value: string } {
  return { type: isIP(value) === 0 ? "dns" : "ip", value };
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

export const serverUse = ExtendedKeyUsage.serverAuth;
export const clientUse = ExtendedKeyUsage.clientAuth;
