// A self-signed application instance certificate and its private key, made without an openssl program.
//
// Promises: the fields that OPC 10000-6, 6.2.2 (Application Instance Certificate) asks for, RSA with SHA-256; certificate as DER,
// key as PKCS #8 PEM that only its owner can read from the first byte on; neither file replaces one that is there.
// Does not: make directories, sign by an authority, or put the certificate into anybody's trust list.

import "reflect-metadata"; // the X.509 library's dependency injection does not load without it

import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname } from "node:path";

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { writingTrouble } from "@cpc-partition/process/file-trouble";
import { toDisk } from "@cpc-partition/process/to-disk";
import { readPrivateKeyFile } from "./private-key-file.ts";

export interface ApplicationCertificateOptions {
  /** URI of the application instance; a peer compares it with the one in the session. */
  readonly applicationUri: string;
  /** DNS names and IP addresses (v4, v6) by which the application is reached; a server needs at least one. */
  readonly hostNames: readonly string[];
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly validDays: number;
  readonly commonName?: string;
  /** Who runs the application; left out of the subject when nobody says. */
  readonly organization?: string;
  /** RSA modulus: 2048 (every RSA policy accepts it), 3072 or 4096. */
  readonly keyBits?: 2048 | 3072 | 4096;
}

export type ApplicationCertificateErrorCode = "AlreadyExists" | "InvalidInput" | "CannotWrite";

export class ApplicationCertificateError extends Error {
  override readonly name = "ApplicationCertificateError";
  readonly code: ApplicationCertificateErrorCode;

  constructor(code: ApplicationCertificateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** How far back validity starts: a peer whose clock is a little late must not see a certificate of the future. */
const clockSkewMs = 3_600_000;
const dayMs = 86_400_000;

/** Writes both files or none. Rejects with ApplicationCertificateError. */
export async function createApplicationCertificate(options: ApplicationCertificateOptions): Promise<void> {
  check(options);
  const { certificate, privateKey } = await generate(options);
  await createExclusively(options.privateKeyFile, 0o600, privateKey);
  try {
    await createExclusively(options.certificateFile, 0o644, certificate);
  } catch (error) {
    await rm(options.privateKeyFile, { force: true });
    throw error;
  }
}

/** Writes the certificate of a key that is there, where nobody has written one meanwhile. Rejects with ApplicationCertificateError, or with what is wrong with the key. */
export async function completeApplicationCertificate(options: ApplicationCertificateOptions): Promise<void> {
  const { certificate } = await generate(options, await keysOf(readPrivateKeyFile(options.privateKeyFile)));
  try {
    await createExclusively(options.certificateFile, 0o644, certificate);
  } catch (error) {
    if (!(error instanceof ApplicationCertificateError) || error.code !== "AlreadyExists") throw error;
  }
}

function check(options: ApplicationCertificateOptions): void {
  // The name is an IA5String (RFC 5280, 4.2.1.6): printable ASCII without blanks, beginning with a scheme.
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/.test(options.applicationUri)) {
    throw new ApplicationCertificateError(
      "InvalidInput",
      `cannot create a certificate for "${options.applicationUri}" because it is not a URI; right would be "urn:host:name"`,
    );
  }
  if (!(options.validDays > 0) || options.validDays > 36_500) {
    throw new ApplicationCertificateError(
      "InvalidInput",
      `cannot create a certificate for ${options.validDays} days; right would be a number from 1 to 36500`,
    );
  }
}

/** The same without files: DER, and PKCS #8 PEM. */
export async function generate(
  options: Omit<ApplicationCertificateOptions, "certificateFile" | "privateKeyFile">,
  present?: webcrypto.CryptoKeyPair,
): Promise<{ readonly certificate: Uint8Array; readonly privateKey: string }> {
  const keys = present ?? (await newKeys(options.keyBits));
  const nowMs = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [
      { CN: [options.commonName ?? "cpc-partition"] },
      ...(options.organization === undefined ? [] : [{ O: [options.organization] }]),
    ],
    keys,
    notBefore: new Date(nowMs - clockSkewMs),
    notAfter: new Date(nowMs + options.validDays * dayMs),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      // keyCertSign because the certificate is its own issuer.
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature |
          KeyUsageFlags.nonRepudiation |
          KeyUsageFlags.keyEncipherment |
          KeyUsageFlags.dataEncipherment |
          KeyUsageFlags.keyCertSign,
        true,
      ),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        // First the URI: some peers look at the first entry only.
        { type: "url", value: options.applicationUri },
        ...options.hostNames.map((name) => ({
          type: isIP(name) === 0 ? ("dns" as const) : ("ip" as const),
          value: name,
        })),
      ]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = pkcs8.match(/.{1,64}/g) ?? [];
  return {
    certificate: new Uint8Array(certificate.rawData),
    privateKey: ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n"),
  };
}

const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

async function newKeys(modulusLength = 2048): Promise<webcrypto.CryptoKeyPair> {
  const parameters = { ...algorithm, modulusLength, publicExponent: Uint8Array.of(1, 0, 1) };
  return await webcrypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
}

async function keysOf(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const pkcs8 = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  const spki = createPublicKey(pem).export({ type: "spki", format: "der" });
  return {
    privateKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]),
  };
}

/** The file appears under its name complete or not at all; unlike rename, link never replaces what is there. */
async function createExclusively(file: string, mode: number, content: Uint8Array | string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString("hex")}.new`;
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(temporary, file);
    await toDisk(dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw alreadyExists(file, error);
    throw new ApplicationCertificateError(
      "CannotWrite",
      `cannot write ${file} because ${writingTrouble(error, file)}`,
      { cause: error },
    );
  } finally {
    await rm(temporary, { force: true });
  }
}

function alreadyExists(file: string, cause?: unknown): ApplicationCertificateError {
  return new ApplicationCertificateError(
    "AlreadyExists",
    `cannot create ${file} because it exists; move it away first, or choose another name`,
    { cause },
  );
}
