// The certificates of one installation: who we are and whom we trust.
//
//   {directory}/
//     own/certs/      our application instance certificates, DER, one per application URI
//     own/private/    their keys, PEM, mode 0600
//     trusted/certs/  servers that we believe: DER or PEM, any file name ending in .der, .crt, .cer or .pem
//     trusted/crl/    revocation lists of issuers that are trusted themselves
//     issuers/certs/  certificate authorities that complete a chain without being trusted themselves
//     issuers/crl/    their revocation lists
//     rejected/certs/ what servers showed and nobody trusts yet: move a file to trusted/certs/ to trust it
//
// Names of the folders after OPC 10000-12, F.1 (directory based certificate store). A server is trusted when its very
// certificate, byte for byte, lies in trusted/certs/, or that of an authority above it. The folders are read again for every
// connection: no cache, so that trust given or withdrawn counts at once. Nothing is ever trusted automatically.

import { X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CertificateError, fingerprint, readCertificateFile, readRevocationListFile } from "./certificate-file.ts";
import type { TrustMaterial } from "./server-certificate-check.ts";

/** A server that shows a new certificate at every connect must not fill the disk. */
const maxRejected = 100;

const certificateName = /\.(der|crt|cer|pem)$/i;
const revocationListName = /\.(crl|der|pem)$/i;

export class TrustList {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get trustedFolder(): string {
    return join(this.directory, "trusted", "certs");
  }

  get rejectedFolder(): string {
    return join(this.directory, "rejected", "certs");
  }

  get issuersFolder(): string {
    return join(this.directory, "issuers", "certs");
  }

  get revocationFolders(): readonly string[] {
    return [join(this.directory, "trusted", "crl"), join(this.directory, "issuers", "crl")];
  }

  /** Everything that decides about trust, as it is now; a file that is not what its folder is for is passed over. */
  material(): TrustMaterial {
    return {
      trusted: this.trustedCertificates(),
      issuers: contentsOf(this.issuersFolder, certificateName, (file) => readCertificateFile(file)),
      revocationLists: this.revocationFolders.flatMap((folder) =>
        contentsOf(folder, revocationListName, readRevocationListFile),
      ),
    };
  }

  /** Every certificate in trusted/certs/ as it is now; a file there that is no certificate trusts nobody and is passed over. */
  trustedCertificates(): Buffer[] {
    return contentsOf(this.trustedFolder, certificateName, (file) => readCertificateFile(file).slice(0, 1));
  }

  /**
   * Keeps a refused certificate for the operator to look at, and returns the file's path. undefined when rejected/certs/ is
   * full. Throws a CertificateError when it cannot be written.
   */
  keepRejected(certificate: Uint8Array): string | undefined {
    const name = `${subjectName(certificate)}-${fingerprint(certificate)}.der`;
    const path = join(this.rejectedFolder, name);
    const present = filesIn(this.rejectedFolder, certificateName);
    if (present.includes(name)) return path;
    if (present.length >= maxRejected) return undefined;
    try {
      mkdirSync(this.trustedFolder, { recursive: true });
      mkdirSync(this.rejectedFolder, { recursive: true });
      writeFileSync(`${path}.part`, certificate, { mode: 0o644 });
      renameSync(`${path}.part`, path);
    } catch (cause) {
      throw new CertificateError(
        `cannot store the certificate in ${this.rejectedFolder}: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
    return path;
  }
}

function contentsOf(folder: string, name: RegExp, read: (file: string) => Buffer[]): Buffer[] {
  return filesIn(folder, name).flatMap((file) => {
    try {
      return read(join(folder, file));
    } catch (error) {
      if (error instanceof CertificateError) return [];
      throw error;
    }
  });
}

function filesIn(folder: string, wanted: RegExp): string[] {
  try {
    return readdirSync(folder).filter((name) => wanted.test(name));
  } catch {
    return []; // no folder, no certificates
  }
}

/** The common name, reduced to what is harmless in a file name; it comes from a stranger. */
function subjectName(certificate: Uint8Array): string {
  try {
    const commonName = /^CN=(.*)$/m.exec(new X509Certificate(certificate).subject)?.[1] ?? "";
    return (
      commonName
        .replaceAll(/[^A-Za-z0-9]+/g, "-")
        .replaceAll(/^-|-$/g, "")
        .slice(0, 40) || "server"
    );
  } catch {
    return "unreadable";
  }
}
