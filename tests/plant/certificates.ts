// Certificates and revocation lists of every kind for the tests. A key of a name and a kind is generated once: making RSA keys is most of
// what a certificate costs, so they stay in node_modules/.cache, which `npm ci` empties. Nothing else ever uses them.

import "reflect-metadata";

import { randomUUID, webcrypto } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  BasicConstraintsExtension,
  Extension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";

export { Extension, KeyUsageFlags };

type Keys = webcrypto.CryptoKeyPair;

const rsa = "RSASSA-PKCS1-v1_5";
const cache = new Map<string, Promise<Keys>>();

export interface KeyKind {
  readonly bits?: number;
  readonly hash?: "SHA-1" | "SHA-256";
  readonly type?: "RSA" | "EC";
}

export function keysNamed(name: string, kind: KeyKind = {}): Promise<Keys> {
  const { bits = 2048, hash = "SHA-256", type = "RSA" } = kind;
  const id = `${name} ${bits} ${hash} ${type}`;
  const present = cache.get(id);
  if (present !== undefined) return present;
  const algorithm =
    type === "EC"
      ? { name: "ECDSA", namedCurve: "P-256" }
      : { name: rsa, hash, modulusLength: bits, publicExponent: Uint8Array.of(1, 0, 1) };
  const made = type === "EC" ? generated(algorithm) : kept(algorithm, id);
  cache.set(id, made);
  return made;
}

type Algorithm = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;

function generated(algorithm: Algorithm): Promise<Keys> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** From the file of an earlier process, or generated and written: complete or not at all, since others look for it at the same time. */
async function kept(algorithm: Algorithm, id: string): Promise<Keys> {
  const { subtle } = webcrypto;
  const folder = fileURLToPath(new URL("../../node_modules/.cache/test-keys", import.meta.url));
  const file = join(folder, encodeURIComponent(id));
  try {
    const { pkcs8, spki } = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<"pkcs8" | "spki", string>>;
    return {
      privateKey: await subtle.importKey("pkcs8", Buffer.from(pkcs8, "base64"), algorithm, true, ["sign"]),
      publicKey: await subtle.importKey("spki", Buffer.from(spki, "base64"), algorithm, true, ["verify"]),
    };
  } catch {
    const keys = await generated(algorithm);
    const pkcs8 = Buffer.from(await subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    const spki = Buffer.from(await subtle.exportKey("spki", keys.publicKey)).toString("base64");
    mkdirSync(folder, { recursive: true });
    const whole = `${file}.${randomUUID()}`;
    writeFileSync(whole, JSON.stringify({ pkcs8, spki }), { mode: 0o600 });
    renameSync(whole, file);
    return keys;
  }
}

export const dayMs = 86_400_000;

export interface CertificateWishes {
  readonly name: string;
  /** Keys of that name instead of the certificate's own name. */
  readonly keyName?: string;
  readonly key?: KeyKind;
  /** undefined: it signs itself. */
  readonly issuer?: { readonly name: string; readonly keyName?: string; readonly key?: KeyKind };
  readonly serialNumber?: string;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** A certificate authority; a number: with that path length. */
  readonly authority?: boolean | number;
  readonly uri?: string | undefined;
  readonly hosts?: readonly string[];
  readonly keyUsage?: KeyUsageFlags;
  readonly extendedKeyUsage?: readonly string[];
  readonly extensions?: readonly Extension[];
}

export interface Generated {
  readonly der: Buffer;
  readonly keys: Keys;
}

/** A server's certificate with everything right, changed as wished. */
export async function certificate(wishes: CertificateWishes): Promise<Generated> {
  const { name, issuer, authority = false, hosts = ["plc.example", "192.0.2.7"], uri = "urn:example:server" } = wishes;
  const keys = await keysNamed(wishes.keyName ?? name, wishes.key);
  const signer = issuer === undefined ? keys : await keysNamed(issuer.keyName ?? issuer.name, issuer.key);
  const nowMs = Date.now();
  const { digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyCertSign, cRLSign } = KeyUsageFlags;
  const serverUsage: KeyUsageFlags = digitalSignature | nonRepudiation | keyEncipherment | dataEncipherment;
  const authorityUsage: KeyUsageFlags = keyCertSign | cRLSign;
  const usage = wishes.keyUsage ?? (authority === false ? serverUsage : authorityUsage);
  const alternativeNames = [
    ...(uri === "" ? [] : [{ type: "url" as const, value: uri }]),
    ...hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
  ];
  const made = await X509CertificateGenerator.create({
    subject: [{ CN: [name] }],
    issuer: [{ CN: [issuer?.name ?? name] }],
    ...(wishes.serialNumber === undefined ? {} : { serialNumber: wishes.serialNumber }),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: { hash: "SHA-256", ...signer.privateKey.algorithm },
    notBefore: new Date(wishes.notBeforeMs ?? nowMs - dayMs),
    notAfter: new Date(wishes.notAfterMs ?? nowMs + 100 * dayMs),
    extensions: [
      new BasicConstraintsExtension(authority !== false, typeof authority === "number" ? authority : undefined, true),
      new KeyUsagesExtension(usage, true),
      ...(wishes.extendedKeyUsage === undefined ? [] : [new ExtendedKeyUsageExtension([...wishes.extendedKeyUsage])]),
      ...(authority !== false || alternativeNames.length === 0
        ? []
        : [new SubjectAlternativeNameExtension(alternativeNames)]),
      ...(wishes.extensions ?? []),
    ],
  });
  return { der: Buffer.from(made.rawData), keys };
}

export interface ListWishes {
  readonly issuer: { readonly name: string; readonly keyName?: string; readonly key?: KeyKind };
  readonly revoked?: readonly string[];
  readonly thisUpdateMs?: number;
  readonly nextUpdateMs?: number;
  readonly hasNoEnd?: boolean;
  /** Default: that of the issuer's key. */
  readonly hash?: "SHA-1";
  readonly extensions?: readonly Extension[];
  /** Of each entry. */
  readonly entryExtensions?: readonly Extension[];
}

export async function revocationList(wishes: ListWishes): Promise<Buffer> {
  const { issuer, revoked = [], entryExtensions = [] } = wishes;
  const { privateKey } = await keysNamed(issuer.keyName ?? issuer.name, issuer.key);
  const signingKey = wishes.hash === undefined ? privateKey : await withHash(privateKey, wishes.hash);
  const nowMs = Date.now();
  const list = await X509CrlGenerator.create({
    issuer: [{ CN: [issuer.name] }],
    thisUpdate: new Date(wishes.thisUpdateMs ?? nowMs - dayMs),
    ...(wishes.hasNoEnd === true ? {} : { nextUpdate: new Date(wishes.nextUpdateMs ?? nowMs + dayMs) }),
    entries: revoked.map((serialNumber) => ({ serialNumber, extensions: [...entryExtensions] })),
    extensions: [...(wishes.extensions ?? [])],
    signingAlgorithm: signingKey.algorithm as { name: string; hash: string },
    signingKey,
  });
  return Buffer.from(list.rawData);
}

/** The same key for another hash. */
async function withHash(key: Keys["privateKey"], hash: string): Promise<Keys["privateKey"]> {
  const { subtle } = webcrypto;
  const bytes = await subtle.exportKey("pkcs8", key);
  return await subtle.importKey("pkcs8", bytes, { ...key.algorithm, hash }, true, ["sign"]);
}

/** PKCS #8 as PEM. */
export async function privateKeyPem(keys: Keys): Promise<string> {
  return pem("PRIVATE KEY", new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)));
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
