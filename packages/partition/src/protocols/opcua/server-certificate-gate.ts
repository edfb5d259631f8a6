// Lets one server's certificate pass or not: before every connect, and again while a connection lasts, because a trust list changes
// and a certificate ends. Says in the log what it overlooked, and tells when certificates end; keeps what it refused for the operator.
//
// Promises: a refusal is a ServerError (SecurityRefused) whose message names fingerprint and checks first, since little of it fits the
// status, and what can be done about each check at its end.
// While connected it is asked before every poll, so no value is taken from a server that is no longer trusted.

import { resolve } from "node:path";
import { CertificateError, fingerprint, readCertificateFile } from "../../certificates/certificate-file.ts";
import type { CertificateEnd } from "../../certificates/expiry-warnings.ts";
import { hostOf } from "../../certificates/host-name.ts";
import { ParsedCertificate } from "../../certificates/parsed-certificate.ts";
import { checkServerCertificate, noRelaxations } from "../../certificates/server-certificate-check.ts";
import type { CertificateVerdict, FailedCheck, ToleratedCheck } from "../../certificates/server-certificate-check.ts";
import type { TrustList } from "../../certificates/trust-list.ts";
import { waysOut } from "../../certificates/ways-out.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import type { Log } from "@cpc-partition/process/log";
import { ServerError } from "../../sources/server-error.ts";

/** What a server shows before a channel is opened. */
export interface ShownCertificate {
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  /** Of its endpoint description; undefined: it does not show one without security, and `chain` is what the configuration names. */
  readonly applicationUri: string | undefined;
}

export interface GateOptions {
  readonly log: Log;
  readonly nowMs: () => number;
  /** Longest time between two checks of a connection that lasts. */
  readonly recheckMs: number;
  /** Called whenever a certificate passes or is shown. */
  readonly ends: (end: CertificateEnd) => void;
}

const reasonsToTolerate: Readonly<Record<ToleratedCheck["because"], string>> = {
  Pinned: "<server_certificate> names this very certificate",
  IgnoreHostName: "<ignore_host_name> is set",
  IgnoreExpiry: "<ignore_expiry> is set",
  IgnoreUnknownRevocation: "<ignore_unknown_revocation> is set",
  IgnoreKeyLength: "<ignore_key_length> is set",
  IgnoreHashAlgorithm: "<ignore_hash_algorithm> is set",
  IgnoreKeyUsage: "<ignore_key_usage> is set",
};

/** Named in a refusal; the log has all of them. */
const mostUnusable = 2;

/** By the certificates directory. */
const toldUnusable = new Map<string, ReadonlySet<string>>();

export class ServerCertificateGate {
  readonly #server: OpcUaServer;
  readonly #trustList: TrustList;
  readonly #options: GateOptions;
  /** What passed last, and is asked about again. */
  #passed: ShownCertificate | undefined;
  /** The one that the server is shown. */
  #own: CertificateEnd | undefined;
  #checkedMs = 0;
  #dueMs = 0;

  constructor(server: OpcUaServer, trustList: TrustList, options: GateOptions) {
    this.#server = server;
    this.#trustList = trustList;
    this.#options = options;
  }

  /** Throws a ServerError when the certificate is refused. */
  pass(shown: ShownCertificate): void {
    this.#passed = undefined;
    const { tolerated } = this.#judge(shown, "cannot connect");
    for (const { check, reason, because } of tolerated) {
      this.#options.log(
        "warn",
        `certificate check ${check} overlooked because ${reasonsToTolerate[because]}: ${reason}`,
        {
          server: this.#server.alias,
          check,
        },
      );
    }
    this.#passed = shown;
  }

  /** Before every poll. Looks again when the time has come, and throws as `pass` does. */
  passAgain(): void {
    const nowMs = this.#options.nowMs();
    // The wall clock may be set back.
    if (this.#passed === undefined || (nowMs < this.#dueMs && nowMs >= this.#checkedMs)) return;
    this.#judge(this.#passed, "cannot stay connected");
  }

  /** Forgets the connection: nothing to look at again. */
  forget(): void {
    this.#passed = undefined;
  }

  #judge(shown: ShownCertificate, cannot: string): CertificateVerdict {
    const [leaf = Buffer.alloc(0)] = shown.chain;
    const { relaxations = noRelaxations, endpointUrl } = this.#server;
    const nowMs = this.#options.nowMs();
    const { unusable, ...material } = this.#trustList.material();
    this.#tellUnusable(unusable);
    const verdict = checkServerCertificate(shown.chain, {
      ...material,
      pinned: this.pinnedChain()?.[0],
      hostName: hostOf(endpointUrl),
      applicationUri: shown.applicationUri ?? firstUri(leaf),
      nowMs,
      relaxations,
    });
    const { failed } = verdict;
    if (failed.length > 0) throw this.#refusal(cannot, leaf, failed, unusable);
    const endsMs = new ParsedCertificate(leaf).content.notAfterMs;
    this.#options.ends({ whose: "server's", fingerprint: fingerprint(leaf), endsMs });
    if (this.#own !== undefined) this.#options.ends(this.#own);
    this.#checkedMs = nowMs;
    this.#dueMs = Math.min(nowMs + this.#options.recheckMs, endsMs >= nowMs ? endsMs + 1 : Infinity);
    return verdict;
  }

  /** A trust list that cannot be read is not one that trusts less: somebody has to know. Servers share it, and each thread says it once. */
  #tellUnusable(unusable: readonly string[]): void {
    const { directory } = this.#trustList;
    for (const why of unusable) {
      if (toldUnusable.get(directory)?.has(why) !== true)
        this.#options.log("error", `${why}; until then the trust list counts without it`);
    }
    toldUnusable.set(directory, new Set(unusable));
  }

  /** From now on the server is shown this certificate. */
  showOwn(certificate: Buffer, endsMs: number): void {
    this.#own = { whose: "own", fingerprint: fingerprint(certificate), endsMs };
    this.#options.ends(this.#own);
  }

  /** What the configuration names, DER, leaf first. Throws a ServerError when it cannot be read. */
  pinnedChain(): readonly Buffer[] | undefined {
    const { serverCertificateFile, alias } = this.#server;
    if (serverCertificateFile === undefined) return undefined;
    try {
      return readCertificateFile(serverCertificateFile);
    } catch (cause) {
      if (!(cause instanceof CertificateError)) throw cause;
      throw new ServerError("SecurityRefused", alias, cause.message, { cause });
    }
  }

  /** First what the short text of the status has room for: whole fingerprint, checks, and the command that helps. */
  #refusal(cannot: string, leaf: Buffer, failed: readonly FailedCheck[], unusable: readonly string[]): ServerError {
    const { alias, endpointUrl: url, serverCertificateFile } = this.#server;
    const print = fingerprint(leaf);
    const checks = failed.map(({ check }) => check).join(", ");
    const ways = waysOut(failed, {
      directory: resolve(this.#trustList.directory),
      fingerprint: print,
      pinnedFile: serverCertificateFile,
    });
    const reasons = failed.map(({ reason }) => reason).join("; ");
    const lost =
      unusable.length === 0 ? "" : `. The trust list is not whole: ${unusable.slice(0, mostUnusable).join("; ")}`;
    const record = `${cannot} because its certificate, SHA-256 ${print}, is refused (${checks}): ${reasons}${lost}. To do: ${ways.join(". ")}`;
    const kept = this.#keepRejected(leaf);
    return new ServerError("SecurityRefused", alias, `${record}. ${kept}`, {
      record: { message: record, fields: { url, kept } },
    });
  }

  #keepRejected(certificate: Buffer): string {
    if (this.pinnedChain()?.[0]?.equals(certificate) === true) return "It is the one that <server_certificate> names";
    try {
      const kept = this.#trustList.keepRejected(certificate, this.#server.alias);
      switch (kept.outcome) {
        case "Trusted":
          return `It lies in the trust list, in ${resolve(this.#trustList.directory)}/trusted/certs`;
        case "Full":
          return `It was not kept because ${this.#trustList.rejectedFolder} is full`;
        case "TooLarge":
          return "It was not kept because no certificate is that large";
        case "Kept":
          return `It was kept as ${resolve(kept.file)}`;
        default:
          return kept satisfies never;
      }
    } catch (error) {
      return `It was not kept: ${(error as Error).message}`;
    }
  }
}

/** Where there is nothing to compare the URI of a certificate with. */
function firstUri(certificate: Buffer): string {
  try {
    return new ParsedCertificate(certificate).content.uris[0] ?? "";
  } catch (error) {
    if (error instanceof CertificateError) return "";
    throw error;
  }
}
