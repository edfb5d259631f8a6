// `cpc cert fetch`: which certificate does that server show? It is only looked at and kept; trusting it is another command.

import { resolve } from "node:path";
import { CertificateError, fingerprint } from "../certificates/certificate-file.ts";
import { readUrlHost } from "../certificates/host-name.ts";
import { hostOf } from "../certificates/host-name.ts";
import { checkAhead } from "../certificates/server-certificate-check.ts";
import { TrustList } from "../certificates/trust-list.ts";
import { trustCommand } from "../certificates/ways-out.ts";
import { loadOnlyReading } from "../protocols/opcua/loaded-code.ts";
import { ServerError } from "../sources/server-error.ts";
import { certificateText, furtherChecks } from "./certificate-text.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { printError } from "@cpc-partition/process/standard-error";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface CertFetchSettings {
  readonly certificates: string;
  /** Seconds. */
  readonly timeout: number;
}

export async function certFetch(url: string, settings: CertFetchSettings): Promise<ExitCode> {
  if (!URL.canParse(url) || new URL(url).protocol !== "opc.tcp:") {
    printError(`${terminalLine(url)} is not an endpoint URL; use opc.tcp://host:port/path`);
    return ExitCode.invalidInput;
  }
  const reading = readUrlHost(url);
  if (!("host" in reading)) {
    printError(`${terminalLine(url)} is not an endpoint URL that can be used; its host ${reading.because}`);
    return ExitCode.invalidInput;
  }
  loadOnlyReading();
  const { fetchCertificates } = await import("../protocols/opcua/endpoint-discovery.ts");
  const { silenceNodeOpcUa } = await import("../protocols/opcua/silence.ts");
  silenceNodeOpcUa();
  const trustList = new TrustList(settings.certificates);
  try {
    const limit = { server: url, timeoutMs: settings.timeout * 1000, signal: new AbortController().signal };
    const offered = await fetchCertificates({ alias: url, endpointUrl: url }, limit);
    if (offered.length === 0) throw new CommandError(`${url} shows no certificate: it offers no security`);
    for (const { chain, applicationUri } of offered) {
      const [leaf = Buffer.alloc(0)] = chain;
      print(certificateText(leaf, Date.now()));
      print(`Server says:     ${terminalLine(applicationUri)}\n`);
      print(whatToDo(trustList, leaf));
      const dialled = { hostName: hostOf(url), applicationUri };
      const failed = checkAhead(chain, trustList.material(), dialled, Date.now());
      print(furtherChecks(failed, leaf, settings.certificates));
    }
    return ExitCode.fine;
  } catch (error) {
    if (error instanceof ServerError || error instanceof CertificateError)
      throw new CommandError(error.message, { cause: error });
    throw error;
  }
}

function whatToDo(trustList: TrustList, certificate: Buffer): string {
  const kept = trustList.keepRejected(certificate);
  switch (kept.outcome) {
    case "Trusted":
      return "It is trusted.";
    case "Full":
      return `It is not in the trust list, and was not kept: ${trustList.rejectedFolder} is full.`;
    case "TooLarge":
      return "It is not in the trust list, and was not kept: no certificate is that large.";
    case "Kept":
      return (
        `It is not in the trust list; it was kept as ${resolve(kept.file)}.\n` +
        `Compare the fingerprint with the one that the server itself shows. To trust it:\n` +
        `  ${trustCommand(trustList.directory, fingerprint(certificate))}`
      );
    default:
      return kept satisfies never;
  }
}
