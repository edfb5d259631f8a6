// What `check` and `run` find out about certificates that a configuration names.

import { CertificateError } from "../certificates/certificate-file.ts";
import { ServerError } from "../sources/server-error.ts";

/** What `work` finds, or why it could not look. */
export function problemsOf(work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    if (error instanceof ServerError || error instanceof CertificateError) return [error.message];
    throw error;
  }
}
