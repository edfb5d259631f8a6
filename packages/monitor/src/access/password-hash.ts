// Passwords as scrypt hashes (RFC 7914), one line of text each: `scrypt$N$r$p$salt$hash`, salt and hash in base64url.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** OWASP's choice for scrypt: 32 MiB, some 60 ms. */
const own = { N: 2 ** 15, r: 8, p: 1 };
const hashBytes = 32;
const saltBytes = 16;
/** A file must not make us compute for minutes. */
const largestCost = 2 ** 18;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, own);
  return ["scrypt", own.N, own.r, own.p, salt.toString("base64url"), hash.toString("base64url")].join("$");
}

export function isPasswordHash(text: string): boolean {
  return parse(text) !== undefined;
}

export async function isPasswordOf(hash: string, password: string): Promise<boolean> {
  const parsed = parse(hash);
  if (parsed === undefined) return false;
  return timingSafeEqual(await derive(password, parsed.salt, parsed.cost), parsed.hash);
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function parse(text: string): { readonly cost: Cost; readonly salt: Buffer; readonly hash: Buffer } | undefined {
  const [, n, r, p, saltText = "", hashText = ""] =
    /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d)\$([\w-]+)\$([\w-]+)$/.exec(text) ?? [];
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  const isPower = cost.N >= 2 && Number.isInteger(Math.log2(cost.N));
  const hash = Buffer.from(hashText, "base64url");
  if (!isPower || cost.r < 1 || cost.p < 1 || cost.N * cost.r * cost.p > largestCost * 8) return undefined;
  return hash.length === hashBytes ? { cost, salt: Buffer.from(saltText, "base64url"), hash } : undefined;
}

async function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const maxmem = 128 * cost.N * cost.r * 2 + 1024 * 1024;
  scrypt(password.normalize("NFKC"), salt, hashBytes, { ...cost, maxmem }, (error, key) => {
    if (error === null) resolve(key);
    else reject(error);
  });
  return await promise;
}
