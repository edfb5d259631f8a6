// What an operator can do about each check that a server's certificate fails: all of it, so that one round is enough. Pure.

import { resolve } from "node:path";
import { invocationOfService as invocation } from "@cpc-partition/process/invocation";
import { shellWord } from "@cpc-partition/process/shell-word";
import type { CertificateCheck, FailedCheck } from "./server-certificate-check.ts";

export interface WayOutContext {
  /** The certificates directory, absolute. */
  readonly directory: string;
  readonly fingerprint: string;
  /** The file that the configuration names, if it names one. */
  readonly pinnedFile?: string | undefined;
}

/** One for each kind of failed check, in their order; each names the check that it is for where there are several. */
export function waysOut(failed: readonly FailedCheck[], context: WayOutContext): string[] {
  const checks = [...new Set(failed.map(({ check }) => check))];
  return checks.map((check) => `${checks.length > 1 ? `${check}: ` : ""}${ways[check](context)}`);
}

type Way = (context: WayOutContext) => string;

/** `cpc browse` has no configuration yet. */
const pinIt = "name this certificate in <server_certificate>, for cpc browse in --server-certificate";
const pinWith = (element: string): Way => {
  return ({ pinnedFile }) =>
    `give the server another certificate, or set <${element}>${pinnedFile === undefined ? " and name this one in <server_certificate>" : ""}`;
};
const another: Way = () => "give the server another certificate";
const renew: Way = () => "compare the clocks, renew the certificate, or set <ignore_expiry>";

const ways: Readonly<Record<CertificateCheck, Way>> = {
  Readable: another,
  Pinned: ({ pinnedFile = "the file in <server_certificate>" }) =>
    `if the server was given a new one, compare its fingerprint with the server's and replace ${pinnedFile}`,
  Trusted: ({ directory, fingerprint }) =>
    `compare the fingerprint with the server's, then: ${trustCommand(directory, fingerprint)}`,
  Chain: ({ directory }) =>
    `put the certificates of its authorities into ${directory}/issuers/certs, or trust or pin the certificate itself`,
  Signature: another,
  KeyType: another,
  KeyLength: pinWith("ignore_key_length"),
  HashAlgorithm: pinWith("ignore_hash_algorithm"),
  KeyUsage: pinWith("ignore_key_usage"),
  NotYetValid: renew,
  Expired: renew,
  HostName: () =>
    `use a name of the certificate in the address (<server_app_uri>), ${pinIt}, or set <ignore_host_name>`,
  ApplicationUri: () => `${pinIt}, or give the server one that is made for its application URI`,
  RevocationUnknown: ({ directory }) =>
    `put the authority's certificate and its current revocation list into ${directory}/issuers/certs and issuers/crl ` +
    "(trusted/certs and trusted/crl when all that it issues shall be trusted), or set <ignore_unknown_revocation>",
  Revoked: () => "give the server another certificate; a revoked one is never accepted",
};

/** To be pasted into a shell, wherever that stands. */
export function trustCommand(directory: string, fingerprint: string): string {
  return `${invocation()} cert trust --certificates ${shellWord(resolve(directory))} ${fingerprint}`;
}
