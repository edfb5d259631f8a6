// A private key is as secret as its file: one that others can read is refused, so that the mistake is found at the first connect
// and not after the theft.

import type { Stats } from "node:fs";
import { readBoundedFile } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { shellWord } from "@cpc-partition/process/shell-word";

import { CertificateError } from "./certificate-file.ts";

const largestBytes = 64 * 1024;
const anybody = 0o077;
/** A key that is installed for a group of services belongs to root, and its group may read it. */
const anybodyButTheGroup = 0o037;

/** The PEM text. Throws a CertificateError when it cannot be read, or when others than its owner can. */
export function readPrivateKeyFile(file: string): string {
  try {
    return readBoundedFile(file, { largestBytes, judge: (state) => refuseOpenTo(file, state) }).toString();
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause;
    throw new CertificateError(`cannot read private key ${file}: ${readingTrouble(cause, file)}`, { cause });
  }
}

function refuseOpenTo(file: string, { mode, uid }: Stats): void {
  const [refused, right] = uid === 0 ? [anybodyButTheGroup, 640] : [anybody, 600];
  if ((mode & refused) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  throw new CertificateError(
    `cannot use private key ${file} because others than its owner can read or change it (mode ${shown}): chmod ${right} ${shellWord(file)}`,
  );
}
