// Where the certificate of an application of ours lies when the configuration names none: {directory}/own/, one pair for each
// application URI. Whoever shares the directory finds it there, too, without being told.

import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  completeApplicationCertificate,
  createApplicationCertificate,
  type ApplicationCertificateOptions,
} from "./application-certificate.ts";
import { TrustList } from "./trust-list.ts";

export interface OwnCertificateFiles {
  /** DER. */
  readonly certificateFile: string;
  /** PEM. */
  readonly privateKeyFile: string;
}

/** `directory` is laid out as trust-list.ts describes. Neither file need exist. */
export function ownCertificateFiles(directory: string, applicationUri: string): OwnCertificateFiles {
  const name = ownName(applicationUri);
  return {
    certificateFile: join(directory, "own", "certs", `${name}.der`),
    privateKeyFile: join(directory, "own", "private", `${name}.pem`),
  };
}

export type OwnCertificateOptions = Omit<ApplicationCertificateOptions, keyof OwnCertificateFiles>;

/** Makes both files, and every folder of the directory: whoever has to bring a certificate finds its place. Rejects with an ApplicationCertificateError, or with the error of a folder that cannot be made. */
export async function createOwnCertificate(
  directory: string,
  options: OwnCertificateOptions,
): Promise<OwnCertificateFiles> {
  const files = ownCertificateFiles(directory, options.applicationUri);
  mkdirSync(dirname(files.certificateFile), { recursive: true });
  mkdirSync(dirname(files.privateKeyFile), { recursive: true, mode: 0o700 });
  new TrustList(directory).makeFolders();
  await createApplicationCertificate({ ...options, ...files });
  return files;
}

/** Makes the certificate alone: whoever wrote the key did not come to it. Rejects as `completeApplicationCertificate` does. */
export async function completeOwnCertificate(directory: string, options: OwnCertificateOptions): Promise<void> {
  await completeApplicationCertificate({ ...options, ...ownCertificateFiles(directory, options.applicationUri) });
}

/** Readable and unmistakable: the URI's letters and digits, and a part of its hash. */
function ownName(applicationUri: string): string {
  const readable = applicationUri.replaceAll(/[^A-Za-z0-9.]+/g, "-").slice(0, 60);
  return `${readable}-${createHash("sha256").update(applicationUri).digest("hex").slice(0, 12)}`;
}
