// `cpc cert create`: an application certificate of our own, where `run` finds it.

import { hostname } from "node:os";
import { resolve } from "node:path";
import { ApplicationCertificateError } from "../certificates/application-certificate.ts";
import { readCertificateFile } from "../certificates/certificate-file.ts";
import { createOwnCertificate } from "../certificates/own-certificate-files.ts";
import { certificateText } from "./certificate-text.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";

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
    process.stdout.write(`${certificateText(certificate, Date.now())}\n\n`);
    process.stdout.write(
      `certificate ${resolve(files.certificateFile)}\nprivate key ${resolve(files.privateKeyFile)}\n`,
    );
    process.stdout.write("Servers have to trust this certificate: give the first file to their administrators.\n");
    return ExitCode.fine;
  } catch (error) {
    if (!(error instanceof ApplicationCertificateError))
      throw new CommandError((error as Error).message, { cause: error });
    process.stderr.write(`${error.message}\n`);
    return error.code === "InvalidInput" ? ExitCode.invalidInput : ExitCode.failed;
  }
}
