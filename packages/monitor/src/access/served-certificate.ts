// The certificate that the page is served with, as it is on disk: one that was renewed there counts from the next connection on, without a
// restart. Files that do not fit together, in the middle of a renewal for example, change nothing. One that ends soon is told once a day.

import { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions, type Server } from "node:tls";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { CommandError } from "@cpc-partition/process/command-error";
import type { Log } from "@cpc-partition/process/log";

interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

const largestFileBytes = 1024 * 1024;
const dayMs = 86_400_000;
/** As long before the end as for the certificates of servers. */
const warnedDays = 30;
const minVersion = "TLSv1.2";

export class ServedCertificate {
  readonly #files: TlsFiles;
  readonly #log: Log;
  #content: SecureContextOptions & { readonly cert: Buffer; readonly key: Buffer };
  #logged = "";
  /** Of the last warning: what it was about, and how many days were left. */
  #warnedOf: Buffer | undefined;
  #warnedDays = 0;

  /** Throws a CommandError when the files cannot be used. */
  constructor(files: TlsFiles, log: Log) {
    this.#files = files;
    this.#log = log;
    this.#content = contentOf(files);
  }

  get options(): SecureContextOptions {
    return this.#content;
  }

  /** Looks at the files; what is another certificate there is served from now on. */
  renew(server: Pick<Server, "setSecureContext">, nowMs = Date.now()): void {
    this.#readAgain(server);
    this.#warnOfItsEnd(nowMs);
  }

  #readAgain(server: Pick<Server, "setSecureContext">): void {
    try {
      const content = contentOf(this.#files);
      this.#logged = "";
      if (content.cert.equals(this.#content.cert) && content.key.equals(this.#content.key)) return;
      this.#content = content;
      server.setSecureContext(content);
      this.#log("info", `the page is served with the new certificate in ${this.#files.certificate}`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.message !== this.#logged)
        this.#log("warn", `${error.message}; the certificate from before is served on`);
      this.#logged = error.message;
    }
  }

  #warnOfItsEnd(nowMs: number): void {
    const { cert } = this.#content;
    const days = Math.floor((new X509Certificate(cert).validToDate.getTime() - nowMs) / dayMs);
    if (days >= warnedDays || (cert === this.#warnedOf && days === this.#warnedDays)) return;
    this.#warnedOf = cert;
    this.#warnedDays = days;
    const when = days < 0 ? "has expired" : `ends in ${days} days`;
    this.#log(
      "warn",
      `the certificate of the page, ${this.#files.certificate}, ${when}: browsers refuse one that has expired. ` +
        "Put a new one and its key in the same files; it is served without a restart",
    );
  }
}

function contentOf({ certificate, key }: TlsFiles) {
  const content = { cert: read(certificate), key: read(key), minVersion } as const;
  try {
    createSecureContext(content);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `cannot serve HTTPS with ${certificate} and ${key} because TLS refuses them (${why}); name a certificate and its own key, both as PEM`,
    );
  }
  return content;
}

function read(path: string): Buffer {
  try {
    return readBoundedFile(path, { largestBytes: largestFileBytes });
  } catch (error) {
    throw new CommandError(`cannot serve HTTPS with ${path} because ${readingTrouble(error)}`);
  }
}
