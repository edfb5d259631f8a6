// `cpc cert trust` and `cpc cert reject`: moves a certificate from the rejected to the trusted ones, or back. It is named by its
// whole fingerprint, which is what was compared, or by a file.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { CertificateError, readCertificateFile } from "../certificates/certificate-file.ts";
import { ParsedCertificate } from "../certificates/parsed-certificate.ts";
import { checkAhead } from "../certificates/server-certificate-check.ts";
import { TrustList } from "../certificates/trust-list.ts";
import { certificateText, furtherChecks } from "./certificate-text.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { print } from "@cpc-partition/process/standard-output";

export interface CertTrustSettings {
  readonly certificates: string;
}

export function certTrust(named: string, { certificates }: CertTrustSettings): ExitCode {
  const trustList = new TrustList(certificates);
  return tellingTrouble(() => {
    const certificate = find(named, trustList, trustList.rejectedFolder, trustList.trustedFolder);
    const { content } = new ParsedCertificate(certificate);
    const file = trustList.trust(certificate);
    print(`${certificateText(certificate, Date.now())}\n\ntrusted from now on: ${terminalLine(resolve(file))}`);
    if (!content.isAuthority) {
      const failed = checkAhead([certificate], trustList.material(), {}, Date.now());
      print(furtherChecks(failed, certificate, certificates));
      print(terminalLine(expectedWords(content)));
    }
    return ExitCode.fine;
  });
}

export function certReject(named: string, { certificates }: CertTrustSettings): ExitCode {
  const trustList = new TrustList(certificates);
  return tellingTrouble(() => {
    const certificate = find(named, trustList, trustList.trustedFolder, trustList.rejectedFolder);
    const rejected = trustList.reject(certificate);
    const kept = rejected.outcome === "Kept" ? rejected.file : `not kept, ${trustList.rejectedFolder} is full`;
    print(`${certificateText(certificate, Date.now())}\n\nno longer trusted: ${terminalLine(kept)}`);
    return ExitCode.fine;
  });
}

/** What only the configuration and the server can show. */
function expectedWords({ hostNames, uris }: ParsedCertificate["content"]): string {
  const hosts = hostNames.length === 0 ? "" : ` <server_app_uri> must have the host ${hostNames.join(" or ")};`;
  return `When it connects:${hosts} the server must say that its application URI is ${uris.join(" or ") || "something"}.`;
}

/** `folder`: where it is expected to be; `target`: where it shall go, and may be already. */
function find(named: string, trustList: TrustList, folder: string, target: string): Buffer {
  const digits = named.replaceAll(/[:\s]/g, "").toLowerCase();
  const algorithm = /^[0-9a-f]{64}$/.test(digits) ? "sha256" : /^[0-9a-f]{40}$/.test(digits) ? "sha1" : undefined;
  if (algorithm !== undefined) {
    const found = [folder, target]
      .flatMap((place) => trustList.stored(place))
      .find(({ certificate }) => createHash(algorithm).update(certificate).digest("hex") === digits);
    if (found !== undefined) return found.certificate;
    throw new CommandError(`there is no certificate with the fingerprint ${digits} in ${folder} or ${target}`);
  }
  if (!existsSync(named)) {
    throw new CommandError(
      `"${named}" is neither a file nor a whole fingerprint (SHA-256: 64 hexadecimal digits, SHA-1: 40)`,
    );
  }
  const [certificate] = readCertificateFile(named);
  if (certificate === undefined) throw new CommandError(`there is no certificate in ${named}`);
  return certificate;
}

function tellingTrouble(work: () => ExitCode): ExitCode {
  try {
    return work();
  } catch (error) {
    if (error instanceof CertificateError) throw new CommandError(error.message, { cause: error });
    throw error;
  }
}
