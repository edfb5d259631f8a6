// The certificates of one installation: who we are and whom we trust.
//
//   {directory}/
//     own/certs/      our application instance certificates, DER, one per application URI
//     own/private/    their keys, PEM, mode 0600
//     trusted/certs/  servers that we believe: DER or PEM, any file name ending in .der, .crt, .cer or .pem
//     trusted/crl/    revocation lists of issuers that are trusted themselves
//     issuers/certs/  certificate authorities that complete a chain without being trusted themselves
//     issuers/crl/    their revocation lists
//     rejected/certs/ what servers showed and nobody trusts, with the alias in front: `cpc cert trust` moves a file to trusted/certs/
//
// Names of the folders after OPC 10000-12, F.1 (directory based certificate store). A server is trusted when its very
// certificate, byte for byte, lies in trusted/certs/, or that of an authority above it. The folders are read again for every
// connection: no cache, so that trust given or withdrawn counts at once. Nothing is ever trusted automatically.

import { X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readingTrouble, writingTrouble } from "@cpc-partition/process/file-trouble";
import { toDiskSync } from "@cpc-partition/process/to-disk";
import { CertificateError, fingerprint, readCertificateFile, readRevocationListFile } from "./certificate-file.ts";
import type { TrustMaterial } from "./server-certificate-check.ts";
import { mostCertificateBytes } from "./shown-chain.ts";

/** Strangers must not fill the disk. */
const maxRejected = 100;
/** A server that shows a new certificate at every connect must not take the places of others. */
const maxRejectedOfServer = 5;

const certificateName = /\.(der|crt|cer|pem)$/i;
const revocationListName = /\.(crl|der|pem)$/i;

export class TrustList {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = resolve(directory);
  }

  get ownFolder(): string {
    return join(this.directory, "own", "certs");
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

  /** What is in these decides whether a connection is accepted, by us or by the server. */
  get decidingFolders(): readonly string[] {
    return [this.ownFolder, this.trustedFolder, this.issuersFolder, ...this.revocationFolders];
  }

  /** Everything that decides about trust, as it is now. A file that cannot be read, or is not what its folder is for, is passed over and named. */
  material(): ReadTrustMaterial {
    const unusable: string[] = [];
    const passedOver: PassedOver = (why) => unusable.push(why);
    return {
      trusted: this.stored(this.trustedFolder, passedOver).map(({ certificate }) => certificate),
      issuers: contentsOf(this.issuersFolder, certificateName, readCertificateFile, passedOver),
      revocationLists: this.revocationFolders.flatMap((folder) =>
        contentsOf(folder, revocationListName, readRevocationListFile, passedOver),
      ),
      unusable,
    };
  }

  /** Every certificate in trusted/certs/ as it is now; a file there that is no certificate trusts nobody and is passed over. */
  trustedCertificates(): Buffer[] {
    return this.stored(this.trustedFolder).map(({ certificate }) => certificate);
  }

  /** The certificates in a folder with their files; each file's first, which is the only one that can be trusted or rejected. */
  stored(folder: string, passedOver?: PassedOver): StoredCertificate[] {
    return contentsOf(folder, certificateName, readFirst, passedOver);
  }

  /**
   * Keeps a refused certificate for the operator to look at, unless it is trusted: then it was refused for something else. `server`, the alias of
   * the one that showed it, has a few places: its newest ones are kept. Throws a CertificateError when it cannot be written.
   */
  keepRejected(certificate: Uint8Array, server?: string): KeptCertificate {
    if (certificate.length > mostCertificateBytes) return { outcome: "TooLarge" };
    if (this.trustedCertificates().some((trusted) => trusted.equals(certificate))) return { outcome: "Trusted" };
    const present = filesIn(this.rejectedFolder, certificateName);
    const same = present.find((name) => name.endsWith(`-${fingerprint(certificate)}.der`));
    if (same !== undefined) return { outcome: "Kept", file: join(this.rejectedFolder, same) };
    const place = server === undefined ? "" : `${placeOf(server)}.`;
    const removed = place === "" ? 0 : this.#makeRoom(present.filter((name) => name.startsWith(place)));
    if (present.length - removed >= maxRejected) return { outcome: "Full" };
    this.makeFolders();
    return { outcome: "Kept", file: store(this.rejectedFolder, certificate, place) };
  }

  /** The oldest of a server that has no place left. Returns how many went. */
  #makeRoom(ofServer: readonly string[]): number {
    const surplus = ofServer.length + 1 - maxRejectedOfServer;
    if (surplus <= 0) return 0;
    const files = ofServer.map((name) => join(this.rejectedFolder, name));
    const oldest = files.toSorted((one, other) => changedMs(one) - changedMs(other)).slice(0, surplus);
    for (const file of oldest) remove(file);
    return oldest.length;
  }

  /** Every folder that an operator may put something into. Throws a CertificateError when one cannot be made. */
  makeFolders(): void {
    for (const folder of [this.trustedFolder, this.issuersFolder, this.rejectedFolder, ...this.revocationFolders])
      mkdirp(folder);
  }

  /** From now on the certificate is believed, also after a power failure; returns its file. Throws a CertificateError when it cannot be written. */
  trust(certificate: Uint8Array): string {
    this.makeFolders();
    const file = store(this.trustedFolder, certificate);
    keep(file, this.trustedFolder);
    this.#remove(this.rejectedFolder, certificate);
    return file;
  }

  /**
   * From now on the certificate is not believed, also after a power failure. Throws a CertificateError when a file cannot be removed or written.
   */
  reject(certificate: Uint8Array): KeptCertificate {
    this.makeFolders();
    this.#remove(this.trustedFolder, certificate);
    keep(this.trustedFolder);
    return this.keepRejected(certificate);
  }

  #remove(folder: string, certificate: Uint8Array): void {
    for (const stored of this.stored(folder)) {
      if (Buffer.compare(stored.certificate, certificate) === 0) remove(stored.file);
    }
  }
}

function readFirst(file: string): StoredCertificate[] {
  return readCertificateFile(file)
    .slice(0, 1)
    .map((certificate) => ({ file, certificate }));
}

export interface ReadTrustMaterial extends TrustMaterial {
  /** A sentence for each file or folder that could not be read. */
  readonly unusable: readonly string[];
}

/** Told of each file or folder that is passed over, with the reason. */
type PassedOver = (why: string) => void;

/** What became of a certificate that was refused. */
export type KeptCertificate =
  | { readonly outcome: "Kept"; readonly file: string }
  /** rejected/certs/ has no more room. */
  | { readonly outcome: "Full" }
  /** No certificate is as large as this. */
  | { readonly outcome: "TooLarge" }
  | { readonly outcome: "Trusted" };

export interface StoredCertificate {
  readonly file: string;
  readonly certificate: Buffer;
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (cause) {
    throw new CertificateError(`cannot remove ${file} because ${writingTrouble(cause)}`, { cause });
  }
}

function changedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** In one step: a reader finds the whole certificate or none. `place` begins the name of the file. */
function store(folder: string, certificate: Uint8Array, place = ""): string {
  const file = join(folder, `${place}${fileName(certificate)}`);
  mkdirp(folder);
  try {
    rmSync(`${file}.part`, { force: true });
    writeFileSync(`${file}.part`, certificate, { flag: "wx", mode: 0o644 });
    renameSync(`${file}.part`, file);
  } catch (cause) {
    throw new CertificateError(`cannot store the certificate in ${folder} because ${writingTrouble(cause)}`, { cause });
  }
  return file;
}

/** On the disk itself. */
function keep(...paths: readonly string[]): void {
  try {
    toDiskSync(...paths);
  } catch (cause) {
    throw new CertificateError(`cannot write ${paths.join(" and ")} to the disk because ${writingTrouble(cause)}`, {
      cause,
    });
  }
}

function mkdirp(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new CertificateError(`cannot make the folder ${folder} because ${writingTrouble(cause)}`, { cause });
  }
}

function fileName(certificate: Uint8Array): string {
  return `${subjectName(certificate)}-${fingerprint(certificate)}.der`;
}

function contentsOf<T>(folder: string, name: RegExp, read: (file: string) => T[], passedOver?: PassedOver): T[] {
  return filesIn(folder, name, passedOver).flatMap((file) => {
    try {
      return read(join(folder, file));
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      passedOver?.(error.message);
      return [];
    }
  });
}

function filesIn(folder: string, wanted: RegExp, passedOver?: PassedOver): string[] {
  try {
    return readdirSync(folder).filter((name) => wanted.test(name));
  } catch (error) {
    // No folder, no certificates.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      passedOver?.(`cannot read the folder ${folder}: ${readingTrouble(error, folder)}`);
    return [];
  }
}

/** The common name; it comes from a stranger. */
function subjectName(certificate: Uint8Array): string {
  try {
    const commonName = /^CN=(.*)$/m.exec(new X509Certificate(certificate).subject)?.[1] ?? "";
    return harmless(commonName) || "server";
  } catch {
    return "unreadable";
  }
}

/** Each server has its own, whatever letters its alias is written with. */
function placeOf(server: string): string {
  const name = harmless(server);
  return name === server ? name : `${name || "server"}-${fingerprint(Buffer.from(server)).slice(0, 8)}`;
}

/** For the name of a file: letters, digits and hyphens. */
function harmless(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 40);
}
