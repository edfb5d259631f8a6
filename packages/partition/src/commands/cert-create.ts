// `cpc cert create`: an application certificate of our own, where `run` finds it.

import { hostname } from "node:os";
import { resolve } from "node:path";
import { ApplicationCertificateError } from "../certificates/application-certificate.ts";
import { readCertificateFile } from "../certificates/certificate-file.ts";
import { createOwnCertificate } from "../certificates/own-certificate-files.ts";
import { certificateText } from "./certificate-text.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { writingTrouble } from "@cpc-partition/process/file-trouble";
import { print } from "@cpc-partition/process/standard-output";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { printError } from "@cpc-partition/process/standard-error";

export interface CertCreateSettings {
  readonly certificates: string;
  readonly host: readonly string[];
  readonly days: number;
  readonly organization: string | undefined;
}

export async function certCreate(applicationUri: string, settings: CertCreateSettings): Promise<ExitCode> {
  const { certificates, host, days, organization } = settings;
  try {
    const files = await createOwnCertificate(certificates, {
      applicationUri,
      hostNames: host.length === 0 ? [hostname()] : host,
      validDays: days,
      ...(organization === undefined ? {} : { organization }),
    });
    const [certificate = Buffer.alloc(0)] = readCertificateFile(files.certificateFile);
    print(`${certificateText(certificate, Date.now())}\n`);
    print(
      `certificate ${terminalLine(resolve(files.certificateFile))}\nprivate key ${terminalLine(resolve(files.privateKeyFile))}`,
    );
    print("Servers have to trust this certificate: give the first file to their administrators.");
    return ExitCode.fine;
  } catch (error) {
    if (!(error instanceof ApplicationCertificateError))
      throw new CommandError(`cannot create the certificate: ${writingTrouble(error)}`, { cause: error });
    printError(error.message);
    return error.code === "InvalidInput" ? ExitCode.invalidInput : ExitCode.failed;
  }
}
