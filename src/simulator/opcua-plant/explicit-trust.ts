// Whom the simulated server believes: the certificates it was given and nobody else.
//
// Promises: byte for byte comparison and the dates, no other rule; nothing is learned, nothing is kept on disk.
// It is node-opcua's certificate manager by type only, because a server takes no other kind for its users.

import { X509Certificate } from "node:crypto";

import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import { StatusCodes, type StatusCode } from "node-opcua-client";

import { readCertificateFile, splitChain } from "../../certificates/certificate-file.ts";

type Certificates = Buffer | Buffer[];

export class ExplicitTrust extends OPCUACertificateManager {
  readonly #trusted: readonly Buffer[];

  /** `directory`: an existing folder; nothing is written to it. */
  constructor(directory: string, files: readonly string[]) {
    super({ rootFolder: directory, disableFileWatchers: true, automaticallyAcceptUnknownCertificate: false });
    this.#trusted = files.flatMap((file) => readCertificateFile(file).slice(0, 1));
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
    if (leaf === undefined || !this.#trusted.some((trusted) => trusted.equals(leaf))) return "BadCertificateUntrusted";
    const { validFromDate, validToDate } = new X509Certificate(leaf);
    const now = new Date();
    return now < validFromDate || now > validToDate ? "BadCertificateTimeInvalid" : "Good";
  }
}
