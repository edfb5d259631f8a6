// Whom the simulated server believes: the certificates it was given and nobody else.
//
// Promises: byte for byte comparison and the dates, no other rule; nothing is learned, nothing is kept on disk. The files are read
// at every check, so that a client may still make its certificate when the server runs already.
// It is node-opcua's certificate manager by type only, because a server takes no other kind for its users.

import { X509Certificate } from "node:crypto";

import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { StatusCodes, type StatusCode } from "node-opcua-client";

import { CertificateError, readCertificateFile, splitChain } from "cpc-partition/certificates/certificate-file";

type Certificates = Buffer | Buffer[];

export class ExplicitTrust extends OPCUACertificateManager {
  readonly #files: readonly string[];

  /** `directory`: an existing folder; nothing is written to it. `files` need not exist yet. */
  constructor(directory: string, files: readonly string[]) {
    super({ rootFolder: directory, disableFileWatchers: true, automaticallyAcceptUnknownCertificate: false });
    this.#files = files;
  }

  /** Instead of the store's own key and folders. */
  override initialize(): Promise<void>;
  override initialize(callback: (error?: Error) => void): void;
  override async initialize(callback?: (error?: Error) => void): Promise<void> {
    callback?.();
  }

  override async dispose(): Promise<void> {}

  override checkCertificate(chain: Certificates): Promise<StatusCode>;
  override checkCertificate(chain: Certificates, callback: (error: Error | null, status?: StatusCode) => void): void;
  override async checkCertificate(
    chain: Certificates,
    callback?: (error: Error | null, status?: StatusCode) => void,
  ): Promise<StatusCode> {
    const status = StatusCodes[this.#verdict(chain)];
    callback?.(null, status);
    return status;
  }

  #verdict(chain: Certificates): "Good" | "BadCertificateUntrusted" | "BadCertificateTimeInvalid" {
    const leaf = splitChain(Array.isArray(chain) ? Buffer.concat(chain) : chain)[0];
    if (leaf === undefined || !this.#files.some((file) => leafOf(file)?.equals(leaf))) return "BadCertificateUntrusted";
    const { validFromDate, validToDate } = new X509Certificate(leaf);
    const now = new Date();
    return now < validFromDate || now > validToDate ? "BadCertificateTimeInvalid" : "Good";
  }
}

/** undefined: no certificate there (yet). */
function leafOf(file: string): Buffer | undefined {
  try {
    return readCertificateFile(file)[0];
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}
