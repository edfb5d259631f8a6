// `cpc cert show`: what is in a certificate file.

import { CertificateError, readCertificateFile } from "../certificates/certificate-file.ts";
import { certificateText } from "./certificate-text.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";

export function certShow(file: string): ExitCode {
  try {
    const texts = readCertificateFile(file).map((certificate) => certificateText(certificate, Date.now()));
    print(texts.join("\n\n"));
    return ExitCode.fine;
  } catch (error) {
    if (error instanceof CertificateError) throw new CommandError(error.message, { cause: error });
    throw error;
  }
}
