// Certificates and keys as files, in a folder of their own: for both ends of a TLS connection, good and bad.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { certificate, dayMs, pem, privateKeyPem, type CertificateWishes, type KeyKind } from "./certificates.ts";

/** RFC 5280, 4.2.1.12. */
export const serverUse = "1.3.6.1.5.5.7.3.1";
export const clientUse = "1.3.6.1.5.5.7.3.2";

export interface Wishes {
  /** Host names and addresses that the certificate is for; none for a client. */
  readonly names?: readonly string[];
  readonly validFromDays?: number;
  readonly validToDays?: number;
  /** Undefined: self-signed. */
  readonly issuer?: Holder | undefined;
  readonly isAuthority?: boolean;
  readonly usage?: string;
  readonly hasRsaKeys?: boolean;
}

export interface Holder extends Required<Pick<CertificateWishes, "name" | "keyName" | "key">> {
  readonly der: Buffer;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly certificateFile: string;
  /** Mode 0600. */
  readonly keyFile: string;
}

export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), `cpc-certificates-${process.pid}-`));

  /** With keys of its own, elliptic ones unless wished otherwise, because they are made in no time. */
  async make(name: string, wishes: Wishes): Promise<Holder> {
    const { names = [], validFromDays = -1, validToDays = 10, issuer, isAuthority = false, usage } = wishes;
    const key: KeyKind = { type: wishes.hasRsaKeys === true ? "RSA" : "EC" };
    const named = { name, keyName: join(this.path, name), key };
    const nowMs = Date.now();
    const { der, keys } = await certificate({
      ...named,
      ...(issuer === undefined ? {} : { issuer }),
      ...(usage === undefined ? {} : { extendedKeyUsage: [usage] }),
      authority: isAuthority,
      uri: "",
      hosts: names,
      notBeforeMs: nowMs + validFromDays * dayMs,
      notAfterMs: nowMs + validToDays * dayMs,
    });
    const certificatePem = pem("CERTIFICATE", der);
    const keyPem = await privateKeyPem(keys);
    const certificateFile = this.write(`${name}.pem`, certificatePem);
    return { ...named, der, certificatePem, keyPem, certificateFile, keyFile: this.write(`${name}.key`, keyPem) };
  }

  /** Mode 0600, and the folders above it. */
  write(name: string, content: string | Uint8Array): string {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
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
